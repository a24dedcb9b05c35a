/** `facts` and `findings`: what the page says of a recording beside its pictures. */
import type { Recording } from '../../../frame/model/recording.ts'
import type { TimeSpan } from '../../../frame/time/time.ts'
import { EVERYTHING } from '../../../frame/expression/selection.ts'
import { BY_REQUESTS } from '../../data/order.ts'
import { readInSteps, type RangeReading } from '../../data/reading.ts'
import { summaryOf } from '../../data/summary.ts'
import { findingsOf } from '../../findings/findings.ts'
import { eventsOf } from '../../picture/events-of.ts'
import type { PageFinding } from '../../picture/facts.ts'
import { factsOf, pageFindings } from '../../picture/facts-of.ts'
import { sideOf, type View } from '../asking.ts'
import { Slices } from '../cells/slices.ts'
import { jsonReply, type Reply } from '../http/reply.ts'
import type { Query } from '../query.ts'

export async function facts(view: View, query: Query, stop: AbortSignal): Promise<Reply> {
  const served = sideOf(view, query)
  const { recording, source, span } = served
  const slices = new Slices(stop)
  await served.check(span, slices)
  const whole = await served.whole.of(span, slices)
  const summary = summaryOf([recording], { ...ALL, range: span }, whole)
  const events = await served.events.of(recording, () => eventsOf([recording], span))
  return jsonReply({
    ...factsOf(summary, [], events, source.timeZone),
    ticks: recording.info.ticks,
    growing: source.isGrowing(),
    sides: view.sides.length,
  })
}

export async function findings(view: View, query: Query, stop: AbortSignal): Promise<Reply> {
  const { recording, span, findings } = sideOf(view, query)
  return jsonReply(await findings.of(recording, () => findIn(recording, span, new Slices(stop))))
}

/** Of all rows of the whole recording. */
async function findIn(recording: Recording, span: TimeSpan, slices: Slices): Promise<PageFinding[]> {
  const { whole, series } = await readSliced(recording, span, slices)
  const summary = summaryOf([recording], { ...ALL, range: span }, whole)
  return pageFindings(findingsOf([recording], series, summary), summary.selected)
}

async function readSliced(recording: Recording, span: TimeSpan, slices: Slices): Promise<RangeReading> {
  const reading = readInSteps([recording], span, EVERYTHING)
  for (;;) {
    const { done, value } = reading.next()
    if (done === true) return value
    await slices.rest()
  }
}

const ALL = { selection: EVERYTHING, order: BY_REQUESTS, top: null }
