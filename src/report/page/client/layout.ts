/** Puts the parts into the sections of the page, in place of the static drawings. */
import type { Subject } from '../../../frame/views/drilldown.ts'
import type { PageState } from '../state/address.ts'
import { lineOf } from '../state/cut.ts'
import { rangeText } from '../state/readout.ts'
import type { App } from './app.ts'
import { button, byId, element } from './browser/dom.ts'
import type { Panel } from './panel.ts'
import type { Toolbar } from './parts/toolbar.ts'

export class Layout {
  readonly #lanes = element('div', 'sides')
  readonly #heat = element('div', 'sides')
  readonly #path = element('nav', 'path')

  constructor(toolbar: Toolbar) {
    this.#path.setAttribute('aria-label', 'What the latencies are of')
    for (const old of document.querySelectorAll('#lanes .static, #heat .static')) old.remove()
    byId('lanes').append(toolbar.element, this.#lanes)
    byId('heat').append(this.#path, this.#heat)
    document.documentElement.classList.add('scripted')
  }

  draw({ shownPanels: panels, state, picture }: App, choose: (subject: Subject | null) => void): void {
    for (const [host, part] of [
      [this.#lanes, 'lanes'],
      [this.#heat, 'heat'],
    ] as const) {
      host.classList.toggle('two', panels.length > 1)
      host.replaceChildren(
        ...panels.map((panel) =>
          panels.length === 1
            ? panel[part].element
            : element('div', 'side', element('h3', '', sideText(panel, state)), panel[part].element),
        ),
      )
    }
    const names = pathOf(state)
    this.#path.replaceChildren(
      ...names.flatMap((subject, i) => [
        ...(i === 0 ? [] : [element('span', 'dim', ' › ')]),
        crumb(
          lineOf(picture, subject)?.label ?? subject?.route ?? subject?.backend ?? 'all',
          i === names.length - 1,
          () => choose(subject),
        ),
      ]),
    )
  }
}

/** Which file, and when. */
function sideText(panel: Panel, state: PageState): string {
  const { facts, picture } = panel.scene(state)
  return `${facts.files.join(', ')} · ${rangeText(picture, facts)}`
}

function crumb(text: string, isLast: boolean, onClick: () => void): HTMLElement {
  const made = button(text, null, onClick, 'crumb')
  if (isLast) made.setAttribute('aria-current', 'true')
  return made
}

const pathOf = ({ subject }: PageState): readonly (Subject | null)[] => [
  null,
  ...(subject === null ? [] : [{ ...subject, route: null }]),
  ...(subject?.route == null ? [] : [subject]),
]
