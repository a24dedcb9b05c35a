/** Finds what changed, and describes each change in a sentence. Deterministic; each detector explains its own measure. */
import { selectRows } from '../../frame/expression/selection.ts'
import { backendKey, type Aggregate, type BackendSum } from '../../frame/model/aggregate.ts'
import type { Backend } from '../../frame/model/frame.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { SECOND, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { labelOf } from '../../frame/views/leaderboard.ts'
import { exactCount, longSpan } from '../../render/quantities.ts'
import { aggregateWithin } from '../data/source.ts'
import type { StepSeries } from '../data/step-series.ts'
import { stepSums } from '../data/steps.ts'
import type { Summary } from '../data/summary.ts'
import type { FindingEntry, FindingKind } from '../document/document.ts'
import { severalNamespaces } from '../document/json.ts'
import { edgesOf, type Second } from './edges.ts'
import { errorBursts } from './finding-errors.ts'
import { slowTails } from './finding-tails.ts'
import { slowDowns } from './finding-times.ts'
import { trafficChanges } from './finding-traffic.ts'
import type { Candidate, DetectorInput } from './finding.ts'

/** Sorted by time. */
export function findingsOf(
  recordings: readonly Recording[],
  series: StepSeries,
  summary: Summary,
): FindingEntry[] {
  const several = severalNamespaces(summary.selected)
  const input: DetectorInput = { series, label: (backend) => labelOf(backend, several) }
  const candidates = withoutExplained([
    ...errorBursts(input),
    ...slowDowns(input),
    ...slowTails(input),
    ...trafficChanges(input),
  ])
  const found = candidates.flatMap((candidate) => findingOf(candidate, recordings, series, summary) ?? [])
  return [...found, ...gapFindings(summary)].sort(
    (a, b) => compare(a.from, b.from) || compare(a.kind, b.kind) || compare(a.backend ?? '', b.backend ?? ''),
  )
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** One cause gives one finding. A backend that refuses connections also has no requests; a slow backend also has a slow tail. */
const EXPLAINED_BY: Partial<Record<FindingKind, FindingKind>> = {
  backend_vanished: 'backend_refused',
  slow_tail: 'slow_down',
}

const withoutExplained = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(
    ({ kind, backend, run }) =>
      !candidates.some(
        (other) =>
          other.kind === EXPLAINED_BY[kind] && same(other.backend, backend) && overlap(other.run, run),
      ),
  )

const same = (a: Backend | null, b: Backend | null): boolean =>
  a !== null && b !== null && backendKey(a) === backendKey(b)
const overlap = (a: Candidate['run'], b: Candidate['run']): boolean => a.from <= b.to && b.from <= a.to

function findingOf(
  candidate: Candidate,
  recordings: readonly Recording[],
  series: StepSeries,
  summary: Summary,
): FindingEntry | null {
  const { backend } = candidate
  const aggregateOf = (from: WallMicros, to: WallMicros): Aggregate =>
    selectRows(aggregateWithin(recordings, { from, to }), summary.query.selection.rows)
  const lineOf = (aggregate: Aggregate): BackendSum | null =>
    backend === null
      ? { ...aggregate.totals, backend: NO_BACKEND, routes: [] }
      : (aggregate.backends.find((sum) => backendKey(sum.backend) === backendKey(backend)) ?? null)
  const secondsOf = function* (span: TimeSpan): Iterable<Second> {
    for (const { start, aggregate } of stepSums(recordings, span, SECOND)) {
      yield { at: start, line: lineOf(selectRows(aggregate, summary.query.selection.rows)) }
    }
  }
  const { from, to } = edgesOf(candidate, series, secondsOf)
  const within = aggregateOf(from, to)
  if (from >= to || !candidate.confirm(lineOf(within), within)) return null
  const route = candidate.culprit({
    ...within,
    backends: within.backends.filter(
      (sum) => backend === null || backendKey(sum.backend) === backendKey(backend),
    ),
  })
  const { kind, before, after, what } = candidate.describe(lineOf(within), to - from, route)
  return {
    kind: kind ?? candidate.kind,
    from: isoUtc(from),
    to: isoUtc(to),
    backend: backend?.address ?? null,
    route,
    what,
    before: before ?? candidate.before,
    after,
  }
}

const NO_BACKEND: Backend = { id: -1, address: '', netns: 0, name: null }

/** Gaps that are long enough to matter. More than ten become one finding. */
function gapFindings({ gaps, query: { range } }: Summary): FindingEntry[] {
  const least = Math.max(2e6, (range.to - range.from) / 1000)
  const long = gaps.filter((gap) => gap.to - gap.from >= least)
  const finding = (from: WallMicros, to: WallMicros, what: string): FindingEntry => ({
    kind: 'gap',
    from: isoUtc(from),
    to: isoUtc(to),
    backend: null,
    route: null,
    what,
    before: null,
    after: null,
  })
  if (long.length <= 10) {
    return long.map(({ from, to, reason }) =>
      finding(from, to, `nothing was recorded for ${longSpan(to - from)} (${reason})`),
    )
  }
  const missing = long.reduce((total, gap) => total + gap.to - gap.from, 0)
  return [
    finding(
      long[0]!.from,
      long.at(-1)!.to,
      `nothing was recorded in ${exactCount(long.length)} gaps, ${longSpan(missing)} together`,
    ),
  ]
}
