/** All data that a format may need, computed once. Each format is a pure function of it. */
import type { RequestEvent } from '../../frame/model/frame.ts'
import { hasGrpc } from '../../frame/model/aggregate.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { needsOffset } from '../../frame/time/timezone.ts'
import type { HeatMap } from '../../frame/views/heat-sum.ts'
import { heatRoom } from '../../render/heatmap/heatmap.ts'
import type { Depth } from '../../render/theme.ts'
import { heatMapOf } from '../data/heat-map.ts'
import { readRange } from '../data/reading.ts'
import { slowestRequests } from '../data/slowest.ts'
import { summaryOf, type Query, type Summary } from '../data/summary.ts'
import { timelineOf, type Timeline } from '../data/timeline.ts'
import type { ReportDocument } from '../document/document.ts'
import { documentOf } from '../document/json.ts'
import { linesBy, type By, type Line } from '../document/lines.ts'
import { findingsOf } from '../findings/findings.ts'
import { embeddedData } from '../picture/embedded.ts'
import type { EmbeddedData } from '../picture/facts.ts'

export interface Report {
  readonly document: ReportDocument
  readonly summary: Summary
  /** the requested kind; null: backends, then routes */
  readonly by: By | null
  readonly lines: (by: By) => readonly Line[]
  readonly timeline: Timeline
  /** what the HTML page has inside */
  readonly page: () => EmbeddedData
  readonly slowest: readonly RequestEvent[]
  /** null: it was not asked for */
  readonly heatmap: (HeatMapRequest & { readonly map: HeatMap }) | null
  /** IANA name in which times are shown */
  readonly timeZone: string
  /** times carry their offset: it changes within the range */
  readonly withOffset: boolean
  /** the command line that makes this report again */
  readonly command: string
}

export interface ReportRequest {
  readonly query: Query
  readonly by: By | null
  readonly timeZone: string
  readonly command: string
  /** most points of the timeline */
  readonly points: number
  /** whether to find the slowest requests; true only if the format shows them */
  readonly slowest: boolean
  /** absent: it is not asked for */
  readonly heatmap?: HeatMapRequest
}

/** Where a heatmap is to be shown. */
export interface HeatMapRequest {
  /** cells of its lines */
  readonly columns: number
  readonly depth: Depth
}

const SLOWEST = 10

export function reportOf(recordings: readonly Recording[], request: ReportRequest): Report {
  const { query, by, timeZone, command, heatmap } = request
  const { whole, series } = readRange(recordings, query.range, query.selection)
  const summary = summaryOf(recordings, query, whole)
  const document = documentOf(summary, findingsOf(recordings, series, summary))
  return {
    document,
    summary,
    by,
    lines: (kind) => linesBy(kind, summary, recordings),
    timeline: timelineOf(recordings, query, request.points, hasGrpc(summary.selected)),
    page: () => embeddedData(recordings, summary, document.findings, timeZone),
    slowest: request.slowest ? slowestRequests(recordings, series, query, SLOWEST) : [],
    heatmap:
      heatmap === undefined
        ? null
        : { ...heatmap, map: heatMapOf(recordings, query, heatRoom(heatmap.columns)) },
    timeZone,
    withOffset: needsOffset(query.range, timeZone),
    command,
  }
}
