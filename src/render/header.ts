/** The two lines at the top: rate, window and errors; then host, time and coverage. */
import type { Loss } from '../frame/model/counters.generated.ts'
import { addMicros } from '../frame/model/units.ts'
import { clockTime, localDateTime } from '../frame/time/timezone.ts'
import type { Leaderboard } from '../frame/views/leaderboard.ts'
import { TICK_SLACK } from '../frame/views/moment.ts'
import type { Sort } from '../frame/views/ranking.ts'
import { grpcErrorShare } from './cells.ts'
import { EMPTY, joinFitting, line, lineWidth, span, type Line } from './line.ts'
import { count, longSpan, plural, precisePercent, rate } from './quantities.ts'
import { clip, visible } from './text.ts'

export interface HeaderFacts {
  readonly host: string
  /** IANA name of the zone of all times on the screen */
  readonly timeZone: string
  /** times carry their offset: it changes within the recording */
  readonly withOffset: boolean
  readonly sort: Sort
  readonly filter: string
  readonly size: { readonly columns: number; readonly rows: number }
}

/** Three lines, or two on a low screen. */
export function headerLines(board: Leaderboard, facts: HeaderFacts): Line[] {
  const { columns, rows } = facts.size
  const lines = [titleLine(board, columns), hostLine(board, facts)]
  const notice = noticeLine(board, facts)
  return [...lines, ...(notice !== null ? [notice] : rows > 14 ? [EMPTY] : [])]
}

function titleLine({ totals, windowSeconds }: Leaderboard, columns: number): Line {
  const fivexx = totals.classes.find(({ name }) => name === '5xx')
  const parts: Line[] = [[span(`${rate(totals.rps)} req/s`, 'bold')], [span(`${windowSeconds}s window`)]]
  if (fivexx !== undefined) parts.push([span(`5xx ${precisePercent(fivexx.ratio)}`, 'bad')])
  const grpcErrors = grpcErrorShare(totals) ?? 0
  if (grpcErrors > 0) parts.push([span(`gRPC errors ${precisePercent(grpcErrors)}`, 'bad')])
  if (totals.failures > 0) parts.push([span(plural(totals.failures, 'failure'), 'bad')])
  if (totals.inFlight > 0) parts.push([span(`${count(totals.inFlight)} in flight`)])
  // On a narrow screen failures are kept and the subtitle is dropped.
  const named: Line[] = [[span('upstreamtop', 'bold'), span(' — nginx upstreams')], ...parts]
  const whole = joinFitting(named, ' · ', Infinity)
  if (lineWidth(whole) <= columns) return whole
  return joinFitting([[span('upstreamtop', 'bold')], ...parts], ' · ', columns)
}

function hostLine(board: Leaderboard, { host, timeZone, withOffset, sort, filter, size }: HeaderFacts): Line {
  const coverage = `coverage ${precisePercent(board.coverage)}`
  // A tick may begin slightly before the whole second (timer inaccuracy). It is shown as the tick of that second.
  const when = `${localDateTime(addMicros(board.at, TICK_SLACK), timeZone, withOffset)} ${timeZone}`
  const room = size.columns - when.length - coverage.length - 6
  const parts: Line[] = [
    [span(clip(visible(host), Math.max(8, room)), 'bold')],
    [span(when)],
    [span(coverage, board.coverage < 0.99 ? 'bad' : 'dim')],
  ]
  if (sort !== 'rps') parts.push([span(`by ${sort}`, 'accent')])
  if (filter !== '') parts.push([span(`filter "${visible(filter)}"`, 'accent')])
  return joinFitting(parts, ' · ', size.columns)
}

/** A gap, or what the kernel could not count. */
function noticeLine(
  { gap, loss }: Leaderboard,
  { timeZone, withOffset }: Pick<HeaderFacts, 'timeZone' | 'withOffset'>,
): Line | null {
  if (gap !== null) {
    const times = [gap.from, gap.to].map((at) => clockTime(at, timeZone, withOffset)).join('–')
    const reason = gap.reason.replace('_', ' ')
    const what =
      gap.reason === 'late'
        ? 'one tick was late; below, it has the counts of this time, too'
        : 'nothing was recorded; below is the tick before it'
    return line(`GAP ${times} (${longSpan(gap.to - gap.from)}, ${reason}): ${what}`, 'bad')
  }
  const lost = LOSSES.filter(([kind]) => (loss[kind] ?? 0) > 0).map(
    ([kind, text]) => `${count(loss[kind] ?? 0)} ${text}`,
  )
  return lost.length === 0 ? null : line(`lost: ${lost.join(', ')}`, 'warn')
}

/** The losses that affect a number on the screen. The others are shown by doctor and report. */
const LOSSES: readonly (readonly [keyof Loss, string])[] = [
  ['ringDropped', 'events (percentiles rest on fewer requests)'],
  ['mapRefused', 'refused by full maps'],
  ['unmatchedResponses', 'answers without a request'],
  ['ambiguous', 'ambiguous'],
  ['evicted', 'connections whose end was not seen'],
  ['halfSeen', 'connections of which a direction was not seen'],
  ['holes', 'spans of bytes that were not seen'],
]
