/** A report for people as a list of sections: text and Markdown draw the same ones, so that they say the same. */
import { labelOf } from '../frame/leaderboard.ts'
import { clockTime, localDate, localDateTime } from '../frame/timezone.ts'
import { micros, wallMicros, type WallMicros } from '../frame/units.ts'
import { exactCount, finePercent, latency, longSpan, precisePercent, rate } from '../render/quantities.ts'
import type { Entity, FindingEntry, FullEntity } from './document.ts'
import { severalNamespaces } from './json.ts'
import type { By, Line } from './lines.ts'
import type { Report } from './report.ts'
import { durationOf } from './slowest.ts'
import { timeOf, type TimelinePoint } from './timeline.ts'

export type Section =
  | { readonly kind: 'title'; readonly text: string }
  /** sentences, one a line */
  | { readonly kind: 'lines'; readonly title: string | null; readonly lines: readonly string[] }
  | {
      readonly kind: 'table'
      readonly title: string
      readonly columns: readonly Column[]
      readonly rows: readonly (readonly string[])[]
      readonly note: string | null
    }
  | {
      readonly kind: 'chart'
      readonly title: string
      readonly values: readonly (number | null)[]
      readonly format: (value: number) => string
      readonly from: string
      readonly to: string
    }
  | { readonly kind: 'code'; readonly title: string; readonly text: string }

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /** names from the wire: backends, routes */
  readonly foreign: boolean
}

/** Lines of a table unless `--top` says otherwise. */
const SHOWN = 20

export function sectionsOf(report: Report): Section[] {
  return [
    ...headline(report),
    ...findings(report),
    ...charts(report),
    ...(report.by === null ? (['backend', 'route'] as const) : [report.by]).map((by) =>
      lineTable(by, report),
    ),
    ...(report.by === null ? [codes(report), ...failures(report)] : []),
    ...slowest(report),
    ...markers(report),
    ...coverage(report),
    { kind: 'code', title: 'Made by', text: report.command },
  ]
}

function headline({ document, summary, timeZone }: Report): Section[] {
  const { totals, coverage } = document
  const { from, to } = summary.query.range
  const hosts = [...new Set(document.recording.map((recording) => recording.host))].join(', ')
  const selected = summary.query.selection.rows === null ? '' : ' of the selected rows'
  return [
    {
      kind: 'title',
      text: `${hosts} · ${spanText(from, to, timeZone)} ${timeZone} · ${longSpan(to - from)}`,
    },
    {
      kind: 'lines',
      title: null,
      lines: [
        `${exactCount(totals.requests)} requests${selected}, ${totals.rps === null ? '–' : rate(totals.rps)} a second`,
        `5xx ${shareText(totals.status['5xx'], totals.answered)} · 4xx ${shareText(totals.status['4xx'], totals.answered)} · failures ${exactCount(failuresOf(totals))} · in flight at the end ${exactCount(totals.in_flight)}`,
        `header time ${timesText(totals.header_ms)}`,
        `total time ${timesText(totals.total_ms)}`,
        `coverage ${coverage.ratio === null ? '–' : precisePercent(coverage.ratio)}`,
      ],
    },
  ]
}

function findings({ document, timeZone }: Report): Section[] {
  const lines = document.findings.map((finding) => `${when(finding, timeZone)}  ${finding.what}`)
  return [{ kind: 'lines', title: 'Findings', lines: lines.length === 0 ? ['none'] : lines }]
}

function when({ from, to }: FindingEntry, timeZone: string): string {
  const [start, end] = [from, to].map((iso) => clockTime(wallMicros(Date.parse(iso) * 1000), timeZone))
  return start === end ? start! : `${start}–${end}`
}

function charts(report: Report): Section[] {
  const { timeline, timeZone, summary } = report
  const last = Math.max(0, timeline.points.length - 1)
  const chart = (
    title: string,
    value: (point: TimelinePoint) => number | null,
    format: (value: number) => string,
  ): Section => ({
    kind: 'chart',
    title: `${title}, by ${longSpan(timeline.step)}`,
    values: timeline.points.map((point) => (point === null ? null : value(point))),
    format,
    from: clockTime(wallMicros(Math.max(timeline.start, summary.query.range.from)), timeZone),
    to: clockTime(timeOf(timeline, last), timeZone),
  })
  const some = (value: (point: TimelinePoint) => number | null): boolean =>
    timeline.points.some((point) => point !== null && (value(point) ?? 0) > 0)
  return [
    chart('Requests a second', (point) => point.rps, rate),
    ...(some((point) => point.fivexx + point.failures)
      ? [chart('5xx and failures a second', (point) => point.fivexx + point.failures, rate)]
      : []),
    ...(some((point) => point.avg)
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

const KEY_TITLES: Readonly<Record<By, readonly [title: string, keys: readonly string[]]>> = {
  backend: ['Backends', ['backend']],
  route: ['Routes', ['backend', 'method', 'route']],
  status: ['Status codes', ['status']],
  method: ['Methods', ['method']],
  minute: ['Minutes', ['minute']],
  host: ['Hosts', ['host']],
}

function lineTable(by: By, report: Report): Section {
  const { summary } = report
  const all = report.lines(by)
  const shown = summary.query.top === null ? all.slice(0, SHOWN) : all
  const [title, keys] = KEY_TITLES[by]
  const names = keys.map((key): Column => ({
    title: key.toUpperCase(),
    align: 'left',
    foreign: by !== 'minute' && by !== 'status',
  }))
  const shared = by !== 'minute'
  const measures =
    by === 'status' ? STATUS_COLUMNS : ENTITY_COLUMNS.filter(([name]) => shared || name !== 'SHARE')
  return {
    kind: 'table',
    title,
    columns: [
      ...names,
      ...measures.map(([name]): Column => ({ title: name, align: 'right', foreign: false })),
    ],
    rows: shown.map((line) => [
      ...keys.map((key) => keyText(key, line, report)),
      ...measures.map(([, cell]) => cell(line)),
    ]),
    note:
      shown.length < all.length
        ? `and ${exactCount(all.length - shown.length)} more: --top ${all.length}`
        : null,
  }
}

function keyText(key: string, { keys }: Line, { timeZone, summary }: Report): string {
  const value = keys[key] ?? ''
  if (key === 'minute')
    return localDateTime(wallMicros(Date.parse(String(value)) * 1000), timeZone).slice(0, 16)
  if (key !== 'backend') return String(value)
  const { backends } = summary.selected
  const sum = backends.find(
    ({ backend }) => backend.address === value && (keys.netns ?? backend.netns) === backend.netns,
  )
  return sum === undefined ? String(value) : labelOf(sum.backend, keys.netns !== undefined)
}

type Cell = readonly [title: string, cell: (line: Line) => string]

const entity = (line: Line): Entity | FullEntity => {
  if ('requests' in line.entity) return line.entity
  throw new Error('a status line has no entity')
}
const millis = (value: number | null): string => latency(value === null ? null : micros(value * 1000))

const ENTITY_COLUMNS: readonly Cell[] = [
  ['REQUESTS', (line) => exactCount(entity(line).requests)],
  ['RPS', (line) => (entity(line).rps === null ? '–' : rate(entity(line).rps!))],
  ['SHARE', (line) => finePercent(line.keys.share as number | null)],
  ['AVG', (line) => millis(entity(line).header_ms.avg)],
  ['P50', (line) => millis(entity(line).header_ms.p50)],
  ['P99', (line) => millis(entity(line).header_ms.p99)],
  ['MAX', (line) => millis(entity(line).header_ms.max)],
  ['4XX', (line) => exactCount(entity(line).status['4xx'])],
  ['5XX', (line) => exactCount(entity(line).status['5xx'])],
  ['5XX %', (line) => shareText(entity(line).status['5xx'], entity(line).answered)],
  ['FAILED', (line) => exactCount(failuresOf(entity(line)))],
  ['OPEN', (line) => exactCount(entity(line).in_flight)],
]

const STATUS_COLUMNS: readonly Cell[] = [
  ['ANSWERED', (line) => exactCount(line.entity.answered)],
  ['SHARE', (line) => finePercent(line.keys.share as number | null)],
]

const codes = (report: Report): Section => lineTable('status', report)

function failures({ document, summary }: Report): Section[] {
  const kinds = ['reset', 'closed', 'aborted', 'unanswered', 'refused', 'connect_timeout'] as const
  const failing = document.backends.filter((backend) => failuresOf(backend) + backend.body_reset > 0)
  if (failing.length === 0) return []
  const several = severalNamespaces(summary.selected)
  return [
    {
      kind: 'table',
      title: 'Failures',
      columns: [
        { title: 'BACKEND', align: 'left', foreign: true },
        ...[...kinds, 'body_reset'].map((kind): Column => ({
          title: kind.replace('_', ' ').toUpperCase(),
          align: 'right',
          foreign: false,
        })),
      ],
      rows: failing
        .slice(0, SHOWN)
        .map((backend) => [
          labelOf(
            { id: 0, address: backend.backend, netns: backend.netns ?? 0, name: backend.name },
            several,
          ),
          ...kinds.map((kind) => exactCount(backend.failures[kind])),
          exactCount(backend.body_reset),
        ]),
      note: null,
    },
  ]
}

function slowest({ slowest: events, timeZone, summary }: Report): Section[] {
  if (events.length === 0) return []
  const several = severalNamespaces(summary.selected)
  return [
    {
      kind: 'table',
      title: 'Slowest requests',
      columns: [
        { title: 'AT', align: 'left', foreign: false },
        { title: 'TIME', align: 'right', foreign: false },
        { title: 'STATUS', align: 'right', foreign: false },
        { title: 'BACKEND', align: 'left', foreign: true },
        { title: 'METHOD', align: 'left', foreign: true },
        { title: 'ROUTE', align: 'left', foreign: true },
      ],
      rows: events.map((event) => [
        clockTime(event.at, timeZone),
        latency(micros(durationOf(event))),
        String(event.outcome),
        labelOf(event.backend, several),
        event.route.method,
        event.route.path,
      ]),
      note: null,
    },
  ]
}

function markers({ summary, timeZone }: Report): Section[] {
  if (summary.markers.length === 0) return []
  const lines = summary.markers.map(({ at, kind, text }) => `${clockTime(at, timeZone)}  ${kind}  ${text}`)
  return [{ kind: 'lines', title: 'Markers', lines }]
}

function coverage({ document, summary, timeZone }: Report): Section[] {
  const { range, coverage: seen } = document
  const counted = (what: Readonly<Record<string, number>>): string =>
    Object.entries(what)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${exactCount(count)}`)
      .join(', ')
  const lost = counted(seen.loss)
  const excluded = counted(seen.excluded)
  return [
    {
      kind: 'lines',
      title: 'Coverage',
      lines: [
        `${seen.ratio === null ? '–' : precisePercent(seen.ratio)}: ${longSpan(range.covered * 1e6)} recorded of ${longSpan(range.seconds * 1e6)}`,
        ...summary.gaps.map(
          (gap) =>
            `gap ${spanText(gap.from, gap.to, timeZone)} (${longSpan(gap.to - gap.from)}): ${gap.reason}`,
        ),
        ...(lost === '' ? [] : [`lost: ${lost}`]),
        ...(excluded === '' ? [] : [`left out: ${excluded}`]),
        ...summary.recordings.map(
          (info) =>
            `${info.file}: ${exactCount(info.ticks)} ticks by ${info.tool} on ${info.host}${info.complete ? '' : ', without a clean end'}`,
        ),
        ...summary.damage,
      ],
    },
  ]
}

function spanText(from: WallMicros, to: WallMicros, timeZone: string): string {
  const sameDay = localDate(from, timeZone) === localDate(to, timeZone)
  return `${localDateTime(from, timeZone)} – ${sameDay ? clockTime(to, timeZone) : localDateTime(to, timeZone)}`
}

const shareText = (part: number, whole: number): string => finePercent(whole === 0 ? null : part / whole)

const timesText = (of: FullEntity['header_ms']): string =>
  of.count === 0
    ? '–'
    : `avg ${millis(of.avg)} · p50 ${millis(of.p50)} · p90 ${millis(of.p90)} · p99 ${millis(of.p99)} · max ${millis(of.max)}` +
      (of.sampled !== null && of.sampled < of.count
        ? ` (percentiles over ${exactCount(of.sampled)} of ${exactCount(of.count)})`
        : '')

const failuresOf = ({ failures: kinds }: Entity | FullEntity): number =>
  kinds.reset +
  kinds.closed +
  kinds.aborted +
  kinds.unanswered +
  ('refused' in kinds ? kinds.refused + kinds.connect_timeout : 0)
