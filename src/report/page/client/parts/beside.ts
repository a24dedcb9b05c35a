/** Which other file, or which other part of this one, stands beside the picture, in step with it. */
import type { Pair, PageState, Range } from '../../state/address.ts'
import { element } from '../browser/dom.ts'

interface Choice {
  readonly text: string
  readonly pair: Pair | null
}

export class Beside {
  readonly element: HTMLElement
  readonly #select = element('select')
  #choices: readonly Choice[] = []

  constructor(
    readonly hasFile: boolean,
    onChoose: (pair: Pair | null) => void,
  ) {
    this.element = element('label', 'beside', 'Beside it ', this.#select)
    this.#select.addEventListener('change', () =>
      onChoose(this.#choices[this.#select.selectedIndex]?.pair ?? null),
    )
  }

  draw(state: PageState, range: Range): void {
    this.#choices = choicesOf(state, range, this.hasFile)
    this.#select.replaceChildren(...this.#choices.map(({ text }) => element('option', '', text)))
    const { pair } = state
    this.#select.selectedIndex = this.#choices.findIndex(
      (choice) => JSON.stringify(choice.pair) === JSON.stringify(pair),
    )
  }
}

const [HOUR, DAY] = [3600, 86_400]

function choicesOf({ pair, at }: PageState, { from, to }: Range, hasFile: boolean): readonly Choice[] {
  const later = (text: string, by: number): Choice => ({ text, pair: { kind: 'later', by } })
  const choices: readonly Choice[] = [
    { text: 'nothing', pair: null },
    ...(hasFile ? [{ text: 'the other file', pair: { kind: 'file' as const } }] : []),
    later('the span before it', from - to),
    later('an hour before', -HOUR),
    later('a day before', -DAY),
    ...(at === null || at === from ? [] : [later('from the chosen moment on', at - from)]),
  ]
  const isThere = choices.some((choice) => JSON.stringify(choice.pair) === JSON.stringify(pair))
  if (isThere || pair?.kind !== 'later') return choices
  return [...choices, later(`${Math.abs(pair.by)} s ${pair.by < 0 ? 'before' : 'later'}`, pair.by)]
}
