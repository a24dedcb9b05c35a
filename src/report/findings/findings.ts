/** Finds what changed, and describes each change in a sentence. Deterministic; each detector explains its own measure. */
import { selectRows } from '../../frame/expression/selection.ts'
import { addressKey, MAX_COVERED, type Aggregate, type BackendSum } from '../../frame/model/aggregate.ts'
import type { Backend } from '../../frame/model/frame.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { SECOND, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { joinBackends } from '../../frame/sum/fleet.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { exactCount, longSpan } from '../../render/quantities.ts'
import { aggregateWithin } from '../data/fleet.ts'
import type { StepSeries } from '../data/step-series.ts'
import { stepSums } from '../data/steps.ts'
import type { Summary } from '../data/summary.ts'
import type { FindingEntry, FindingKind } from '../document/document.ts'
import { severalNamespaces } from '../document/json.ts'
import type { Exposed } from '../data/exposure.ts'
import { edgesOf, type Second } from './edges.ts'
import { errorBursts } from './finding-errors.ts'
import { slowTails } from './finding-tails.ts'
import { slowDowns } from './finding-times.ts'
import { trafficChanges } from './finding-traffic.ts'
import type { Candidate, DetectorInput } from './finding.ts'
import { isSeenByHosts, witnessesOf } from './witnesses.ts'

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
  a !== null && b !== null && addressKey(a) === addressKey(b)
const overlap = (a: Candidate['run'], b: Candidate['run']): boolean => a.from <= b.to && b.from <= a.to

function findingOf(
  candidate: Candidate,
  recordings: readonly Recording[],
  series: StepSeries,
  summary: Summary,
): FindingEntry | null {
  const { backend } = candidate
  const { rows } = summary.query.selection
  const exposed = exposedOf(candidate, series)
  const of = (hosts: readonly string[]): Recording[] =>
    recordings.filter(({ info }) => hosts.includes(info.host))
  const lineOf = (aggregate: Aggregate): BackendSum | null => {
    if (backend === null) return { ...aggregate.totals, backend: NO_BACKEND, routes: [] }
    const sums = aggregate.backends.filter((sum) => same(sum.backend, backend))
    return sums.length < 2 ? (sums[0] ?? null) : joinBackends(sums)
  }
  const sumWithin = (span: TimeSpan, some: readonly Recording[]): Aggregate =>
    selectRows(aggregateWithin(recordings, span, some), rows)
  const lineWithin = (span: TimeSpan, hosts: readonly string[]): BackendSum | null =>
    lineOf(sumWithin(span, of(hosts)))
  const { hosts, share } = witnessesOf(candidate, series, exposed, lineWithin)
  const secondsOf = function* (span: TimeSpan): Iterable<Second> {
    for (const { start, aggregate } of stepSums(recordings, span, SECOND, of(hosts)))
      yield { at: start, line: lineOf(selectRows(aggregate, rows)) }
  }
  const { from, to } = edgesOf(scaled(candidate, share), series, exposed.recorded, secondsOf)
  if (from >= to || !isSeenByHosts(candidate, series, { from, to }, lineWithin)) return null
  const within = sumWithin({ from, to }, recordings)
  if (!candidate.confirm(lineOf(within), within)) return null
  const route = candidate.culprit({
    ...within,
    backends: within.backends.filter((sum) => backend === null || same(sum.backend, backend)),
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

/** Rates as the witnesses show them. */
function scaled(candidate: Candidate, share: number): Candidate {
  const { measures, levels } = candidate
  if (measures === 'ratio') return candidate
  return { ...candidate, levels: { usual: share * levels.usual, changed: share * levels.changed } }
}

/** What the hosts that have the backend recorded. A tick is not split: a range may begin and end within one. */
function exposedOf({ backend }: Candidate, series: StepSeries): Exposed {
  const { grid, count } = series
  const range = { from: grid.timeOf(0), to: grid.timeOf(count) }
  const exposed = series.backends.find((each) => same(each.backend, backend)) ?? series
  const { from, to } = exposed.recorded
  return {
    ...exposed,
    recorded: {
      from: from - range.from < MAX_COVERED ? range.from : from,
      to: range.to - to < MAX_COVERED ? range.to : to,
    },
  }
}

const NO_BACKEND: Backend = { id: -1, address: '', netns: 0, names: null }

/** Gaps that are long enough to matter. More than ten become one finding. Where others recorded meanwhile, the host is named. */
function gapFindings({ gaps, recordings, query: { range } }: Summary): FindingEntry[] {
  const several = recordings.some(({ host }) => host !== recordings[0]!.host)
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
    return long.map(({ host, from, to, reason }) => {
      const nothing = several ? `${host} recorded nothing` : 'nothing was recorded'
      return finding(from, to, `${nothing} for ${longSpan(to - from)} (${reason})`)
    })
  }
  const missing = long.reduce((total, gap) => total + gap.to - gap.from, 0)
  return [
    finding(
      long[0]!.from,
      long.at(-1)!.to,
      several
        ? `hosts recorded nothing in ${exactCount(long.length)} gaps, ${longSpan(missing)} together`
        : `nothing was recorded in ${exactCount(long.length)} gaps, ${longSpan(missing)} together`,
    ),
  ]
}
