/** A report for people as a list of sections. */
import { hasGrpc } from '../../frame/model/aggregate.ts'
import { micros, wallMicros, type WallMicros } from '../../frame/model/units.ts'
import { clockTime, localDate, localDateTime } from '../../frame/time/timezone.ts'
import { exactCount, latency, longSpan, precisePercent, rate } from '../../render/quantities.ts'
import { heatmapLines } from '../../render/heatmap/heatmap.ts'
import { lookOf } from '../../render/heatmap/look.ts'
import { line } from '../../render/line.ts'
import { tlsLines } from '../../render/tls-text.ts'
import { printed } from '../../render/theme.ts'
import type { TimelinePoint } from '../data/timeline.ts'
import type { Entity, FindingEntry } from '../document/document.ts'
import {
  bytesText,
  failuresOf,
  grpcEndedIn,
  grpcErrorsIn,
  shareText,
  timesText,
} from '../document/entity-text.ts'
import type { By } from '../document/lines.ts'
import { absenceNotes } from '../document/absence.ts'
import { addressNotes } from '../document/addresses.ts'
import { countedText } from '../document/doubts.ts'
import type { Report } from './report.ts'
import { codes, failures, grpcStatuses, lineTable, slowest, unread } from './section-tables.ts'
import type { Section } from './section.ts'
import { timeText } from './time-text.ts'

export function sectionsOf(report: Report): Section[] {
  return [
    ...headline(report),
    ...findings(report),
    ...charts(report),
    ...heatmap(report),
    ...tablesOf(report).map((by) => lineTable(by, report)),
    ...(report.by === null
      ? [...unread(report), codes(report), ...grpcStatuses(report), ...failures(report)]
      : []),
    ...slowest(report),
    ...markers(report),
    ...coverage(report),
    { kind: 'code', title: 'Made by', text: report.command },
  ]
}

/** Where packets carry other addresses than nginx connected to, they have a table, too: a bad one behind a backend shows there. */
function tablesOf({ by, summary }: Report): readonly By[] {
  if (by !== null) return [by]
  return (summary.selected.wires ?? []).length > 0 ? ['backend', 'wire', 'route'] : ['backend', 'route']
}

function headline({ document, summary, timeZone, withOffset }: Report): Section[] {
  const { totals, coverage } = document
  const { from, to } = summary.query.range
  const hosts = [...new Set(document.recording.map((recording) => recording.host))].join(', ')
  const selected = summary.query.selection.rows === null ? '' : ' of the selected rows'
  return [
    {
      kind: 'title',
      text: `${hosts} · ${spanText(from, to, timeZone, withOffset)} ${timeZone} · ${longSpan(summary.elapsed)}`,
    },
    {
      kind: 'lines',
      title: null,
      lines: [
        `${exactCount(totals.requests)} requests${selected}, ${totals.rps === null ? '–' : rate(totals.rps)} per second`,
        `5xx ${shareText(totals.status['5xx'], totals.answered)} · 4xx ${shareText(totals.status['4xx'], totals.answered)}${grpcText(totals)} · failures ${exactCount(failuresOf(totals))} · in flight at the end ${exactCount(totals.in_flight)}`,
        `header time ${timesText(totals.header_ms)}`,
        `total time ${timesText(totals.total_ms)}`,
        `sent ${bytesText(totals.sent_bytes)} · received ${bytesText(totals.received_bytes)}`,
        `coverage ${coverage.ratio === null ? '–' : precisePercent(coverage.ratio)}`,
      ],
    },
  ]
}

/** Only where there was gRPC. */
function grpcText({ grpc }: Entity): string {
  const ended = grpc === null ? 0 : grpcEndedIn(grpc)
  return ended === 0 ? '' : ` · gRPC errors ${shareText(grpcErrorsIn(grpc) ?? 0, ended)}`
}

function findings(report: Report): Section[] {
  const lines = report.document.findings.map((finding) => `${when(finding, report)}  ${finding.what}`)
  return [{ kind: 'lines', title: 'Findings', lines: lines.length === 0 ? ['none'] : lines }]
}

function when({ from, to }: FindingEntry, report: Report): string {
  const [start, end] = [from, to].map((iso) => timeText(wallMicros(Date.parse(iso) * 1000), report))
  return start === end ? start! : `${start}–${end}`
}

function charts(report: Report): Section[] {
  const { timeline } = report
  const { grid } = timeline
  const chart = (
    title: string,
    value: (point: TimelinePoint) => number | null,
    format: (value: number) => string,
  ): Section => ({
    kind: 'chart',
    title: `${title}, by ${longSpan(grid.step)}`,
    values: timeline.points.map((point) => (point === null ? null : value(point))),
    format,
    from: timeText(grid.timeOf(0), report),
    to: timeText(grid.timeOf(grid.count - 1), report),
  })
  const hasAny = (value: (point: TimelinePoint) => number | null): boolean =>
    timeline.points.some((point) => point !== null && (value(point) ?? 0) > 0)
  return [
    chart('Requests per second', (point) => point.rps, rate),
    ...(hasAny(badOf)
      ? [
          chart(
            hasGrpc(report.summary.selected)
              ? '5xx, gRPC errors and failures per second'
              : '5xx and failures per second',
            badOf,
            rate,
          ),
        ]
      : []),
    ...(hasAny((point) => point.avg)
      ? [
          chart(
            'Mean header time',
            (point) => point.avg,
            (value) => latency(micros(value)),
          ),
        ]
      : []),
  ]
}

/** Lines of it, with its axes. */
const HEATMAP_LINES = 24

function heatmap({ heatmap: asked, timeZone, withOffset }: Report): Section[] {
  if (asked === null) return []
  const { map, columns, depth } = asked
  const title = line('Header times', 'bold')
  const view = { columns, lines: HEATMAP_LINES, title, time: null, timeZone, withOffset }
  const [first, ...lines] = heatmapLines(map, { ...view, look: lookOf(depth, false) }).map((each) =>
    printed(each, depth),
  )
  return [{ kind: 'heatmap', title: first ?? '', lines }]
}

const badOf = ({ fivexx, failures, grpcErrors }: TimelinePoint): number =>
  fivexx + failures + (grpcErrors ?? 0)

function markers(report: Report): Section[] {
  const { summary } = report
  if (summary.markers.length === 0) return []
  const lines = summary.markers.map(({ at, kind, text }) => `${timeText(at, report)}  ${kind}  ${text}`)
  return [{ kind: 'lines', title: 'Markers', lines }]
}

function coverage({ document, summary, timeZone, withOffset }: Report): Section[] {
  const { range, coverage: seen } = document
  const lost = countedText(seen.loss)
  const excluded = countedText(seen.excluded)
  return [
    {
      kind: 'lines',
      title: 'Coverage',
      lines: [
        `${seen.ratio === null ? '–' : precisePercent(seen.ratio)}: ${longSpan(range.covered * 1e6)} recorded of ${longSpan(summary.elapsed)}${range.elapsed === undefined ? '' : ' that passed: the clock was set'}`,
        ...absenceNotes(summary),
        ...summary.gaps.map(
          (gap) =>
            `gap ${spanText(gap.from, gap.to, timeZone, withOffset)} (${longSpan(gap.to - gap.from)}): ${gap.reason}`,
        ),
        ...(lost === '' ? [] : [`lost: ${lost}`]),
        ...(excluded === '' ? [] : [`left out: ${excluded}`]),
        ...summary.recordings.map(
          (info) =>
            `${info.file}: ${exactCount(info.ticks)} ticks by ${info.tool} on ${info.host}${info.complete ? '' : ', without a clean end'}`,
        ),
        ...summary.recordings.flatMap(({ file, tls }) => tlsLines(tls).map((text) => `${file}: ${text}`)),
        ...addressNotes(summary.recordings),
        ...summary.recordings.flatMap(({ file, unseen = [] }) =>
          unseen.map(({ what, remedy }) => `${file}: ${what}; ${remedy}`),
        ),
        ...summary.damage,
      ],
    },
  ]
}

function spanText(from: WallMicros, to: WallMicros, timeZone: string, withOffset: boolean): string {
  const sameDay = localDate(from, timeZone) === localDate(to, timeZone)
  const end = sameDay ? clockTime(to, timeZone, withOffset) : localDateTime(to, timeZone, withOffset)
  return `${localDateTime(from, timeZone, withOffset)} – ${end}`
}
