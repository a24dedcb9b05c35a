/** A summary as the document that scripts rely on. */
import { openOf, ratio } from '../../frame/expression/measure.ts'
import { nameOf, type Aggregate, type BackendSum, type RouteSum } from '../../frame/model/aggregate.ts'
import { byWord, EXCLUDED, LOSS } from '../../frame/model/counters.ts'
import type { RecordingInfo } from '../../frame/model/recording.ts'
import { toSeconds, type Micros } from '../../frame/model/units.ts'
import { isTls, protocolOf } from '../../frame/model/protocol.ts'
import { STEP_TOLERANCE } from '../../frame/time/elapsed.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import { wiresByBackend } from '../../frame/views/wires.ts'
import { backendsOf, lineFilter, type Summary } from '../data/summary.ts'
import type {
  BackendEntity,
  CoverageEntry,
  FindingEntry,
  RecordingEntry,
  ReportDocument,
  RouteEntity,
  WireEntry,
} from './document.ts'
import { absenceNotes } from './absence.ts'
import { mixedNote } from './addresses.ts'
import { entityOf, fullEntityOf } from './entity.ts'

export function documentOf(summary: Summary, findings: readonly FindingEntry[]): ReportDocument {
  const { query, selected, elapsed } = summary
  const { from, to } = query.range
  const several = severalNamespaces(selected)
  const wiresOf = wiresByBackend(selected)
  const notes = [...absenceNotes(summary), ...mixedNote(summary.recordings)]
  return {
    schema: 1,
    recording: summary.recordings.map(recordingEntry),
    range: {
      from: isoUtc(from),
      to: isoUtc(to),
      seconds: (to - from) / 1e6,
      covered: toSeconds(selected.covered),
      ...(Math.abs(to - from - elapsed) > STEP_TOLERANCE ? { elapsed: toSeconds(elapsed) } : {}),
    },
    coverage: coverageEntry(summary),
    totals: fullEntityOf(selected.totals, selected.length),
    backends: backendsOf(summary).map((sum) => ({
      ...backendEntity(sum, selected, several, wiresOf(sum)),
      ...(query.selection.lines === null ? {} : { holds: lineFilter(summary)(sum) }),
    })),
    findings,
    ...(notes.length > 0 ? { notes } : {}),
  }
}

export const recordingEntry = (info: RecordingInfo): RecordingEntry => ({
  file: info.file,
  host: info.host,
  start: isoUtc(info.start),
  end: isoUtc(info.end),
  ticks: info.ticks,
  complete: info.complete,
  tool: info.tool,
  format: info.format,
  ...((info.unseen ?? []).length > 0 ? { not_visible: info.unseen ?? [] } : {}),
  ...((info.tls ?? []).length > 0 ? { tls: info.tls ?? [] } : {}),
})

export const severalNamespaces = ({ backends }: Aggregate): boolean =>
  new Set(backends.map((sum) => sum.backend.netns)).size > 1

const backendEntity = (
  sum: BackendSum,
  all: Aggregate,
  several: boolean,
  wire: readonly WireEntry[] | null,
): BackendEntity => ({
  backend: sum.backend.address,
  ...(several ? { netns: sum.backend.netns, namespace: sum.backend.namespace ?? null } : {}),
  name: nameOf(sum.backend),
  names: sum.backend.names,
  wire,
  share: ratio(sum.requests, all.totals.requests),
  ...fullEntityOf(sum, all.length),
  connects: sum.connection.connects,
  opaque: sum.connection.opaque,
  protocol: protocolOf(sum),
  tls: isTls(sum),
  open_connections: openOf(sum),
  routes: sum.routes.map((route) => routeEntity(route, sum, all.length)),
})

const routeEntity = (sum: RouteSum, backend: { readonly requests: number }, length: Micros): RouteEntity => ({
  method: sum.route.method,
  route: sum.route.path,
  share: ratio(sum.requests, backend.requests),
  ...entityOf(sum, length),
})

export function coverageEntry({ coverage, gaps, whole: { loss, excluded } }: Summary): CoverageEntry {
  return {
    ratio: coverage,
    gaps: gaps.map(({ from, to, reason }) => ({ from: isoUtc(from), to: isoUtc(to), reason })),
    loss: byWord(LOSS, loss),
    excluded: byWord(EXCLUDED, excluded),
  }
}
