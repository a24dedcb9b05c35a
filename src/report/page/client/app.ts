/** The page as a whole: holds what is shown, asks the source for its pictures, and has every part draw them. */
import type { Picture } from '../../picture/picture.ts'
import { SourceError, type Source, type Wanted } from '../source/source.ts'
import { sameSubject, START, type PageState, type Range } from '../state/address.ts'
import { rangeWithin } from '../state/moves.ts'
import { offsetOf } from '../state/pair.ts'
import type { AddressBar } from './browser/address-bar.ts'
import type { Panel } from './panel.ts'

export interface Drawn {
  /** there are new pictures */
  readonly draw: (app: App) => void
  /** only the moment, or the order of the table, is another */
  readonly move: (app: App) => void
  readonly fail: (message: string, remedy: string) => void
}

/** A finer picture is asked for so soon. */
const REFINE_MS = 250

export class App {
  /** what was shown before each zoom */
  readonly #ranges: (Range | null)[] = []
  #turn = 0
  #refining = 0
  /** the whole of the first panel, for keys that jump beyond what is shown */
  whole: Picture | null = null
  /** the other file; null: there is none */
  other: Pick<Panel, 'facts' | 'findings'> | null = null

  /** @param second null: the source has nothing to put beside it */
  constructor(
    readonly source: Source,
    readonly bar: AddressBar,
    readonly first: Panel,
    readonly second: Panel | null,
    readonly drawn: Drawn,
    public state: PageState,
  ) {}

  get panels(): readonly Panel[] {
    return this.second === null || this.state.pair === null ? [this.first] : [this.first, this.second]
  }

  /** Those that have something to show. */
  get shownPanels(): readonly Panel[] {
    return this.panels.filter(({ picture }) => picture !== null)
  }

  get range(): Range {
    return rangeWithin(this.state.range, this.first.all)
  }

  wanted(panel: Panel): Wanted {
    return panel.wanted(this.state, this.first.all)
  }

  /** The picture that the keys and the table are of. */
  get picture(): Picture {
    return this.first.scene(this.state).picture
  }

  go(change: Partial<PageState>): void {
    const before = this.state
    this.state = { ...before, ...change }
    const isNew = needsPicture(before, this.state)
    this.bar.write(this.state, isNew)
    if (isNew) void this.load()
    else this.drawn.move(this)
  }

  zoomTo(range: Range | null, change: Partial<PageState> = {}): void {
    this.#ranges.push(this.state.range)
    this.go({ range: range && rangeWithin(range, this.first.all), ...change })
  }

  /** @returns false: there was no zoom */
  zoomBack(): boolean {
    if (this.state.range === null) return false
    this.go({ range: this.#ranges.pop() ?? null })
    return true
  }

  /** Another state as a whole: the address was changed. */
  async show(state: PageState): Promise<void> {
    this.state = state
    await this.load()
  }

  /** Of answers that come late only the newest counts. */
  async load(problem: SourceError | null = null): Promise<void> {
    const turn = ++this.#turn
    clearTimeout(this.#refining)
    const { state, panels } = this
    this.place()
    try {
      const shown = await Promise.all(panels.map((panel) => panel.load(this.source, state, this.first.all)))
      if (turn !== this.#turn) return
      shown.forEach(({ picture }, i) => (panels[i]!.picture = picture))
      if (state.range === null) this.whole = shown[0]!.picture
      const said = problem ?? shown.find((each) => each.problem !== undefined)?.problem
      this.drawn.fail(said?.message ?? '', said?.remedy ?? '')
      this.drawn.draw(this)
      if (shown.some(({ refining }) => refining))
        this.#refining = window.setTimeout(() => void this.load(problem), REFINE_MS)
    } catch (error) {
      if (turn === this.#turn) await this.#fail(error)
    }
  }

  /** The second panel's recording, and how much later its moments are. */
  place(): void {
    const { pair } = this.state
    if (this.second === null || pair === null) return
    const file = pair.kind === 'file' ? this.other : null
    this.second.side = file === null ? 0 : 1
    this.second.facts = (file ?? this.first).facts
    this.second.findings = (file ?? this.first).findings
    this.second.offset = offsetOf(pair, this.first.all, this.second.all)
  }

  /** What is shown stays. Where nothing is yet, the address asked for what there is not: all of it is shown instead. */
  async #fail(error: unknown): Promise<void> {
    if (!(error instanceof SourceError)) throw error
    this.drawn.fail(error.message, error.remedy)
    if (this.first.picture !== null || this.state === START) return
    this.state = START
    await this.load(error)
  }
}

const needsPicture = (a: PageState, b: PageState): boolean =>
  a.range?.from !== b.range?.from ||
  a.range?.to !== b.range?.to ||
  !sameSubject(a.subject, b.subject) ||
  a.where !== b.where ||
  a.pair !== b.pair
