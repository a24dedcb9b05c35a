/** The report's own numbers of what is shown, where the source has them: they come a moment after the picture. */
import { SourceError, type Change } from '../source/source.ts'
import type { Row } from '../state/rows.ts'
import type { App } from './app.ts'

export class Exact {
  rows: readonly Row[] | null = null
  changes: readonly Change[] | null = null
  #key = ''

  constructor(
    readonly onCome: () => void,
    readonly onFail: (error: SourceError) => void,
  ) {}

  /** Of what the app shows now; what is known already is not asked for again. */
  ask(app: App): void {
    const { source, state, first, second, panels } = app
    const wanted = app.wanted(first)
    const other = panels.length > 1 && second !== null ? app.wanted(second) : null
    const key = JSON.stringify([wanted, other, state.at !== null, first.facts.ticks])
    if (key === this.#key) return
    this.#key = key
    this.rows = null
    this.changes = null
    if (other !== null) void this.#take(key, source.difference(wanted, other), (got) => (this.changes = got))
    else if (state.at === null)
      void this.#take(key, source.rows(wanted, first.scene(state).picture), (got) => (this.rows = got))
  }

  async #take<T>(key: string, asked: Promise<T> | null, keep: (value: T) => void): Promise<void> {
    if (asked === null) return
    try {
      const value = await asked
      if (key !== this.#key) return
      keep(value)
      this.onCome()
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      // The picture's own numbers stay.
      if (key === this.#key) this.onFail(error)
    }
  }
}
