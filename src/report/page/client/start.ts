/** The first picture, and the next ones of a recording that grows. */
import type { SideFacts, Source } from '../source/source.ts'
import { byId } from './browser/dom.ts'
import { Page } from './page.ts'
import { listFindings } from './parts/findings.ts'
import { headline } from './parts/headline.ts'

const EACH_MS = 1000
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
  await findings()
  if (facts.growing) follow()

  async function findings(): Promise<void> {
    app.first.findings = await source.findings(0)
    if (source.kind === 'view') listFindings(byId('findings'), app.first.findings, app.first.facts)
    if (app.other !== null) app.other = { ...app.other, findings: await source.findings(1) }
    app.place()
    app.drawn.draw(app)
  }

  function follow(turn = 1): void {
    setTimeout(() => {
      void grow(turn).finally(() => {
        if (app.first.facts.growing) follow(turn + 1)
      })
    }, EACH_MS)
  }

  async function grow(turn: number): Promise<void> {
    const now = await source.facts(0)
    const isLonger = now.ticks !== app.first.facts.ticks || now.to !== app.first.facts.to
    app.first.facts = now
    show(now)
    if (turn % FINDINGS_EACH === 0) await findings()
    // A part that was chosen stays as it is.
    if (isLonger && app.state.range === null) await app.load()
  }
}
