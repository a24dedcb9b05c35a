/** The section of the chosen moment or range: its title, its filter, its table. */
import { visible } from '../../../../render/text.ts'
import { momentName } from '../../state/readout.ts'
import { grouped, type Row } from '../../state/rows.ts'
import { stepsShown, tableRows } from '../../state/table-rows.ts'
import type { Change, Source } from '../../source/source.ts'
import { changesTable } from './changes.ts'
import { element } from '../browser/dom.ts'
import type { Scene } from '../scene.ts'
import { tableOf, type TableWishes } from './table.ts'

export interface MomentWishes extends TableWishes {
  readonly filter: (text: string) => void
}

export class Moment {
  readonly #title = element('h2')
  readonly #filter = element('input')
  readonly #error = element('p', 'error')
  readonly #table = element('div')

  constructor(
    host: HTMLElement,
    readonly kind: Source['kind'],
    readonly wishes: MomentWishes,
  ) {
    this.#makeFilter()
    this.#error.setAttribute('role', 'alert')
    const label = element('label', 'filter', kind === 'view' ? 'Where ' : 'Filter ', this.#filter)
    host.replaceChildren(element('div', 'head', this.#title, label), this.#error, this.#table)
    host.hidden = false
  }

  /**
   * @param exact the rows of the range as the report has them; null: the picture's own
   * @param changes to what stands beside it; null: nothing does
   */
  draw(scene: Scene, exact: readonly Row[] | null, changes: readonly Change[] | null): void {
    const { state, picture, facts } = scene
    const [first, beyond] = stepsShown(picture, state)
    const isFiltered = this.kind === 'page' && state.where !== ''
    const rows = exact ?? tableRows(picture, state, isFiltered ? state.where : '')
    if (document.activeElement !== this.#filter) this.#filter.value = state.where
    this.#title.textContent = momentName(
      picture,
      changes === null && first + 1 === beyond && state.at !== null ? first : null,
      facts,
    )
    const focus = focusedRow(this.#table)
    const choice = { rows: grouped(rows, state.sort), picture, chosen: state.subject, sort: state.sort }
    this.#table.replaceChildren(
      ...(changes !== null
        ? changesTable(changes)
        : rows.length === 0
          ? [element('p', 'note', nothingText(scene, isFiltered))]
          : tableOf({ ...choice, withGrpc: facts.withGrpc }, this.wishes)),
    )
    if (focus !== null) rowButtons(this.#table)[focus]?.focus()
  }

  fail(message: string, remedy: string): void {
    this.#error.textContent = [...message.split('\n'), remedy].map(visible).join('\n').trim()
  }

  focusFilter(): void {
    this.#filter.focus()
    this.#filter.select()
  }

  /** The row before or after the one that has the focus. */
  moveRow(by: 1 | -1): void {
    const rows = rowButtons(this.#table)
    const next = (focusedRow(this.#table) ?? (by > 0 ? -1 : rows.length)) + by
    rows[Math.max(0, Math.min(rows.length - 1, next))]?.focus()
  }

  #makeFilter(): void {
    const input = this.#filter
    input.type = 'search'
    input.spellcheck = false
    input.placeholder = this.kind === 'view' ? "route ~ '/api/*'" : 'part of a name'
    let timer = 0
    // An expression is applied with Enter, a part of a name with every letter.
    input.addEventListener('input', () => {
      clearTimeout(timer)
      if (this.kind === 'page') timer = window.setTimeout(() => this.wishes.filter(input.value), 120)
    })
    input.addEventListener('change', () => this.wishes.filter(input.value))
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') input.blur()
    })
  }
}

const rowButtons = (host: HTMLElement): HTMLButtonElement[] => [
  ...host.querySelectorAll<HTMLButtonElement>('button.open'),
]

function focusedRow(host: HTMLElement): number | null {
  const index = rowButtons(host).findIndex((each) => each === document.activeElement)
  return index < 0 ? null : index
}

function nothingText({ picture, state }: Scene, isFiltered: boolean): string {
  if (isFiltered) return `No backend or route has “${state.where}” in its name.`
  const [first, beyond] = stepsShown(picture, state)
  return picture.seconds.slice(first, beyond).some((length) => length > 0)
    ? 'No requests.'
    : 'Nothing was recorded here.'
}
