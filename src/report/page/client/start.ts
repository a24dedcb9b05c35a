/** The first picture, and the next ones of a recording that grows. */
import { SourceError, type SideFacts, type Source } from '../source/source.ts'
import { byId } from './browser/dom.ts'
import { Page } from './page.ts'
import { listFindings } from './parts/findings.ts'
import { headline } from './parts/headline.ts'

const EACH_MS = 1000
/** While nobody records: a recorder may go on with the file. */
const IDLE_MS = 10_000
/** Findings may be slow to find. */
const FINDINGS_EACH = 15

export async function start(source: Source): Promise<void> {
  const facts = await source.facts(0)
  // A page has one recording. `view` can put another one beside it, or another part of the same.
  const show = (now: SideFacts): void => {
    if (source.kind === 'view') headline(byId('headline'), now)
  }
  show(facts)
  const { app } = new Page(source, facts, source.kind === 'view' ? facts : null)
  if (facts.sides === 2) app.other = { facts: await source.facts(1), findings: [] }
  await app.load()
  // Nothing can be shown: what is wrong is said.
  if (app.first.picture === null) return
  if (source.kind === 'view') follow()
  await findings()

  async function findings(): Promise<void> {
    app.first.findings = await source.findings(0)
    if (source.kind === 'view') listFindings(byId('findings'), app.first.findings, app.first.facts)
    if (app.other !== null) app.other = { ...app.other, findings: await source.findings(1) }
    app.place()
    app.drawn.draw(app)
  }

  function follow(turn = 1): void {
    const wait = app.first.facts.growing ? EACH_MS : IDLE_MS
    setTimeout(
      () =>
        void grow(turn)
          .catch(say)
          .finally(() => follow(turn + 1)),
      wait,
    )
  }

  /** The server may have ended: what is shown stays. */
  function say(error: unknown): void {
    if (!(error instanceof SourceError)) throw error
    app.drawn.fail(error.message, error.remedy)
  }

  async function grow(turn: number): Promise<void> {
    const now = await source.facts(0)
    const isLonger = now.ticks !== app.first.facts.ticks || now.to !== app.first.facts.to
    if (!isLonger && !now.growing && !app.first.facts.growing) return
    app.first.facts = now
    show(now)
    if (turn % FINDINGS_EACH === 0) await findings()
    // A part that was chosen stays as it is.
    if (isLonger && app.state.range === null) await app.load()
  }
}
