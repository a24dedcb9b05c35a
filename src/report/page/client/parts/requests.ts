/** Single requests of a cell, a row or a moment: `view` lists them, a page has the command that does. */
import { micros } from '../../../../frame/model/units.ts'
import { latency, plural } from '../../../../render/quantities.ts'
import { visible } from '../../../../render/text.ts'
import {
  SourceError,
  type RequestLine,
  type RequestsWanted,
  type SideFacts,
  type Source,
} from '../../source/source.ts'
import { requestsCommand } from '../../state/command.ts'
import { timeText } from '../../state/readout.ts'
import { button, element } from '../browser/dom.ts'

const HEAD = ['TIME', 'BACKEND', 'METHOD', 'ROUTE', 'OUTCOME', 'HEADER', 'TOTAL']

export class Requests {
  readonly element = element('div', 'requests')
  #turn = 0

  constructor(readonly source: Source) {
    this.element.setAttribute('aria-live', 'polite')
  }

  async show(title: string, wanted: RequestsWanted, facts: SideFacts): Promise<void> {
    const turn = ++this.#turn
    const asked = this.source.requests(wanted)
    if (asked === null) {
      this.#command(title, wanted, facts)
      return
    }
    try {
      const { requests, more } = await asked
      if (turn !== this.#turn) return
      if (requests.length === 0) this.#open(title, noteOf('None was recorded here.'))
      else this.#open(title, tableOf(requests, facts), ...(more === 0 ? [] : [noteOf(moreText(more))]))
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      this.#open(title, noteOf(`${error.message} ${error.remedy}`))
    }
  }

  /** @returns false: it was closed already */
  close(): boolean {
    const wasOpen = this.element.firstChild !== null
    this.#turn++
    this.element.replaceChildren()
    return wasOpen
  }

  #command(title: string, { range, subject }: RequestsWanted, { files, zone }: SideFacts): void {
    const commands = files.map((file) => requestsCommand(file, range, subject, zone))
    this.#open(
      title,
      noteOf('A page has no single requests. The recording lists them:'),
      ...commands.map(commandOf),
    )
  }

  #open(title: string, ...children: readonly Node[]): void {
    const close = button('Close', 'Close the requests', () => this.close())
    this.element.replaceChildren(element('h3', '', title, ' ', close), ...children)
    this.element.scrollIntoView({ block: 'nearest' })
  }
}

const moreText = (more: number): string => `${plural(more, 'more request')} not listed here`

const noteOf = (text: string): HTMLElement => element('p', 'note', visible(text))

function tableOf(requests: readonly RequestLine[], facts: SideFacts): HTMLElement {
  const rows = requests.map(({ at, backend, method, route, outcome, header_us, total_us }) =>
    rowOf([timeText(at, facts), backend, method, route, outcome, timeOf(header_us), timeOf(total_us)]),
  )
  const head = HEAD.map((title) => {
    const cell = element('th', '', title)
    cell.scope = 'col'
    return cell
  })
  const table = element(
    'table',
    '',
    element('thead', '', element('tr', '', ...head)),
    element('tbody', '', ...rows),
  )
  const scroll = element('div', 'scroll', table)
  scroll.tabIndex = 0
  scroll.setAttribute('role', 'group')
  scroll.setAttribute('aria-label', 'Requests')
  return scroll
}

const rowOf = (cells: readonly string[]): HTMLElement =>
  element('tr', '', ...cells.map((text, i) => element('td', i > 4 ? 'right' : '', visible(text))))

const timeOf = (time: number | null): string => latency(time === null ? null : micros(time))

function commandOf(command: string): HTMLElement {
  const copy = button('Copy', 'Copy the command', () => {
    void navigator.clipboard.writeText(command).then(() => (copy.textContent = 'Copied'))
  })
  return element('p', 'command', element('code', '', command), ' ', copy)
}
