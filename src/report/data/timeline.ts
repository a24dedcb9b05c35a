/** The range in equal steps: rate, errors and time of each, null where nothing was recorded. */
import {
  classCount,
  failureCount,
  quietGrpcErrors,
  ratio,
  statistic,
} from '../../frame/expression/measure.ts'
import { selectRows } from '../../frame/expression/selection.ts'
import type { Aggregate } from '../../frame/model/aggregate.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { micros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { stepSums } from './steps.ts'
import { lengthOf, StepGrid, stretchesOf } from './stretches.ts'
import type { Query } from './summary.ts'

export interface Timeline {
  readonly grid: StepGrid
  readonly points: readonly (TimelinePoint | null)[]
}

/** Rates are per second of recorded time. */
export interface TimelinePoint {
  readonly rps: number
  readonly fivexx: number
  readonly failures: number
  /** gRPC errors that neither of them tells; null if the point is made from tick summaries: these have none */
  readonly grpcErrors: number | null
  /** mean header time, µs; null when nothing was answered */
  readonly avg: number | null
  /** null if the point is made from tick summaries: these have no percentiles */
  readonly p99: number | null
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]

/** A hole is a few points without a value. */
const HOLE_POINTS = 2

/** The finest round step (1 s, 2 s, … 1 d) that gives at most `points` points. Too many holes are drawn as long as they are. */
export function gridFor(recordings: readonly Recording[], range: TimeSpan, points: number): StepGrid {
  const found = stretchesOf(recordings, range)
  const ofHoles = (found.length - 1) * (HOLE_POINTS + 2)
  const stretches = ofHoles > points / 2 ? [range] : found
  const most = stretches === found ? points - ofHoles : points
  const seconds = lengthOf(stretches) / 1e6
  const step = STEPS.find((each) => seconds / each <= most - 1) ?? Math.ceil(seconds / most / 86_400) * 86_400
  return new StepGrid(stretches, micros(step * 1e6), HOLE_POINTS)
}

/** Without a selection, and without gRPC, the tick summaries are enough, and no row is read. */
export function timelineOf(
  recordings: readonly Recording[],
  query: Query,
  points: number,
  hasGrpc: boolean,
): Timeline {
  const { range, selection } = query
  const grid = gridFor(recordings, range, points)
  if (selection.rows === null && !hasGrpc) return { grid, points: fromTicks(recordings, range, grid) }
  const steps = new Array<TimelinePoint | null>(grid.count).fill(null)
  for (const { start, aggregate } of stepSums(recordings, range, grid.step))
    steps[grid.indexOf(start)] ??= pointOf(selectRows(aggregate, selection.rows))
  return { grid, points: steps }
}

function pointOf({ ticks, totals, length }: Aggregate): TimelinePoint | null {
  if (ticks === 0) return null
  const seconds = length / 1e6
  return {
    rps: totals.requests / seconds,
    fivexx: classCount(totals, 5) / seconds,
    failures: failureCount(totals) / seconds,
    grpcErrors: quietGrpcErrors(totals) / seconds,
    avg: ratio(totals.header.sum, totals.header.count),
    p99: statistic(totals.header, 'p99'),
  }
}

interface TickSum {
  length: number
  requests: number
  answered: number
  fivexx: number
  failures: number
  headerSum: number
}

function fromTicks(
  recordings: readonly Recording[],
  range: TimeSpan,
  grid: StepGrid,
): (TimelinePoint | null)[] {
  const perHost = new Map<string, (TickSum | null)[]>()
  for (const { info, ticks } of recordings) {
    const sums = perHost.get(info.host) ?? Array.from({ length: grid.count }, () => null)
    perHost.set(info.host, sums)
    for (const tick of ticks) {
      if (tick.start >= range.from && tick.start < range.to) addTick(sums, grid.indexOf(tick.start), tick)
    }
  }
  const hosts = [...perHost.values()]
  return Array.from({ length: grid.count }, (_, i) => joinHosts(hosts.map((sums) => sums[i] ?? null)))
}

function addTick(sums: (TickSum | null)[], index: number, tick: TickSummary): void {
  const sum = (sums[index] ??= { length: 0, requests: 0, answered: 0, fivexx: 0, failures: 0, headerSum: 0 })
  sum.length += tick.length
  sum.requests += tick.requests
  sum.answered += tick.answered
  sum.fivexx += tick.fivexx
  sum.failures += tick.failures
  sum.headerSum += tick.headerSum
}

/** Hosts run in parallel, so their rates are added. */
function joinHosts(sums: readonly (TickSum | null)[]): TimelinePoint | null {
  const known = sums.filter((sum) => sum !== null)
  if (known.length === 0) return null
  const rate = (valueOf: (sum: TickSum) => number): number =>
    known.reduce((total, sum) => total + (valueOf(sum) * 1e6) / sum.length, 0)
  const answered = known.reduce((total, sum) => total + sum.answered, 0)
  return {
    rps: rate((sum) => sum.requests),
    fivexx: rate((sum) => sum.fivexx),
    failures: rate((sum) => sum.failures),
    grpcErrors: null,
    avg: ratio(
      known.reduce((total, sum) => total + sum.headerSum, 0),
      answered,
    ),
    p99: null,
  }
}
