/** The drill-down pages: one backend, one route, or its requests. Loaded when the first one is opened. */
import { GRPC_NONE } from '../frame/model/grpc.ts'
import { isRead } from '../frame/model/protocol.ts'
import { micros } from '../frame/model/units.ts'
import type { Drilldown } from '../frame/views/drilldown.ts'
import type { GrpcShare } from '../frame/views/figures.ts'
import type { Leaderboard } from '../frame/views/leaderboard.ts'
import type { Size } from './board.ts'
import { inFlightCell, latencyCell, statusCells } from './cells.ts'
import { chart } from './chart.ts'
import { inEights } from './columns.ts'
import { headerLines, type HeaderFacts } from './header.ts'
import { fitLabel } from './label.ts'
import { clipLine, EMPTY, joinFitting, line, padLine, span, type Line, type Style } from './line.ts'
import { bytes, count, latency, NOTHING, percent, rate } from './quantities.ts'
import { requestLines } from './requests.ts'
import { TLS_UNREAD } from './tls-text.ts'
import { bar } from './sparkline.ts'
import { cellWidth, clip, left, right, visible } from './text.ts'

export interface DetailView extends HeaderFacts {
  readonly size: Size
  /** how TLS is read, in sentences; absent or empty: it is not */
  readonly tls?: readonly string[]
  /** index of the row under the cursor, and of the first row shown */
  readonly selected: number
}

/** At most `size.rows` lines. The header is that of `board`, the whole moment. */
export function detailLines(board: Leaderboard, subject: Drilldown, view: DetailView): Line[] {
  const { columns, rows } = view.size
  const top = [
    ...headerLines(board, view),
    titleOf(subject, columns),
    ...factLines(subject, columns),
    ...tlsLines(subject, view),
  ]
  const room = rows - top.length
  // The list below keeps half of the room, up to what it can use.
  const wanted = 2 + (subject.route === null ? subject.routes.length : subject.latencies.length + 1)
  const charts = chartLines(subject, columns, room - Math.min(wanted, Math.ceil(room / 2)))
  const below = room - charts.length - 1
  const lists =
    subject.route === null ? routeLines(subject, view, below) : latencyLines(subject, columns, below)
  return fitted([...top, ...charts, EMPTY, ...lists], view.size)
}

/** The sampled requests of the subject up to this moment, beginning with the row under the cursor. */
export function requestsPage(board: Leaderboard, subject: Drilldown, view: DetailView): Line[] {
  const top = [...headerLines(board, view), titleOf(subject, view.size.columns)]
  const lines = requestLines(subject.requests.slice(view.selected), {
    columns: view.size.columns,
    rows: view.size.rows - top.length - 1,
    timeZone: view.timeZone,
    label: board.label,
    title: `its kept requests${view.size.columns < 70 ? '' : ' up to this moment'}, newest first: ${count(subject.requests.length)} in ${subject.rps.length} s`,
  })
  const none = line('  None of its requests was kept in these seconds; the arrow keys look around.', 'dim')
  return fitted([...top, EMPTY, ...(lines.length > 0 ? lines : [none])], view.size)
}

const fitted = (lines: readonly Line[], { columns, rows }: Size): Line[] =>
  lines.slice(0, rows).map((spans) => clipLine(spans, columns))

/** The backend's name gives way to the route's. */
function titleOf({ backend, route }: Drilldown, columns: number): Line {
  if (route === null) return [span(fitLabel(backend, columns), 'bold')]
  const path = `${visible(route.method)} ${visible(route.path)}`
  const room = Math.max(Math.floor(columns / 2), columns - cellWidth(path) - 3)
  return [span(fitLabel(backend, room), 'bold'), span(' › ', 'dim'), span(path, 'bold')]
}

function factLines(subject: Drilldown, columns: number): Line[] {
  const { figures: f } = subject
  const requests: Line[] = [
    [span(`${rate(f.rps)} req/s`)],
    [span(`${percent(subject.share)} of ${subject.route === null ? 'all' : 'its backend'}`)],
    [inFlightCell(f), span(' in flight')],
    ...spokenPiece(subject),
  ]
  const rates: Line[] = [
    ...(isUnread(subject) ? unreadPieces(subject) : requests),
    ...f.failureKinds.map(({ kind, count: n }): Line => [span(`${count(n)} ${kind}`, 'bad')]),
    ...(f.retries > 0 ? [[span(`${count(f.retries)} retries`, 'warn')]] : []),
    ...(f.retransmits > 0 ? [[span(`${count(f.retransmits)} retransmits`, 'warn')]] : []),
  ]
  const times: Line[] = [
    [span('header time  avg '), latencyCell(f.avg)],
    [span('p50 '), latencyCell(f.p50, f.thinned)],
    [span('p90 '), latencyCell(f.p90, f.thinned)],
    [span('p99 '), latencyCell(f.p99, f.thinned)],
    [span('max '), latencyCell(f.max, f.thinned)],
    [span('total p99 '), latencyCell(f.totalP99)],
  ]
  return [
    joinFitting(rates, ' · ', columns),
    joinFitting(times, ' · ', columns),
    joinFitting(
      [
        statusCells({ ...f, failureKinds: [] }, null, columns),
        ...codePieces(subject),
        ...connectionPieces(subject),
      ],
      ' · ',
      columns,
    ),
    ...(f.grpc === null || f.grpc.length === 0 ? [] : [joinFitting(grpcPieces(f.grpc), ' · ', columns)]),
    ...(subject.wires.length === 0 ? [] : [joinFitting(wirePieces(subject), ' · ', columns)]),
  ]
}

/** What most people expect is not said. */
function spokenPiece({ connection }: Drilldown): Line[] {
  const { protocol = null, tls = null } = connection ?? {}
  if (protocol === null || (protocol === 'http/1' && tls !== true)) return []
  return [[span(`${protocol}${tls === true ? ' in TLS' : ''}`)]]
}

/** Of a backend that speaks TLS: how it is read, or how it could be. */
function tlsLines({ connection }: Drilldown, { tls = [] }: DetailView): Line[] {
  if (connection?.protocol !== 'tls' && connection?.tls !== true) return []
  return tls.length === 0
    ? [line(TLS_UNREAD, 'warn')]
    : tls.slice(-MOST_TLS).map((text) => line(visible(text), 'dim'))
}

/** Lines; a recording that goes on may have many, the newest last. */
const MOST_TLS = 2

function isUnread({ connection }: Drilldown): boolean {
  const protocol = connection?.protocol ?? null
  return protocol !== null && !isRead(protocol)
}

/** What stands in the place of its requests. */
const unreadPieces = ({ connection, figures: { byteRate } }: Drilldown): Line[] => [
  [span(`requests not readable (${connection?.protocol ?? NOTHING})`, 'warn')],
  [span(`${count(connection?.openConnections ?? 0)} open connections`)],
  [span(byteRate === null ? NOTHING : `${bytes(Math.ceil(byteRate))}/s`)],
]

function codePieces({ codes }: Drilldown): Line[] {
  const pieces: Line[] = []
  for (let i = 0; i < codes.length; i += 2) pieces.push([span(`${codes[i]!}: ${count(codes[i + 1]!)}`)])
  return pieces
}

/** `gRPC 0 OK: 980 · 14 UNAVAILABLE: 20`, as many as fit. */
const grpcPieces = (grpc: readonly GrpcShare[]): Line[] =>
  grpc.map(({ status, name, count: n }, i) => [
    span(`${i === 0 ? 'gRPC ' : ''}${status === GRPC_NONE ? '' : `${status} `}`),
    span(name, status === 0 ? 'good' : 'bad'),
    span(`: ${count(n)}`),
  ])

/** Where its packets go: as many as fit. */
const wirePieces = ({ wires }: Drilldown): Line[] =>
  wires.map(({ address, requests, failures }, i) => [
    span(`${i === 0 ? 'on the wire ' : ''}${visible(address)} ${count(requests)}`),
    ...(failures > 0 ? [span(`, ${count(failures)} failed`, 'bad')] : []),
  ])

function connectionPieces(subject: Drilldown): Line[] {
  const { connection } = subject
  if (connection === null) return []
  const pieces: Line[] = [[span(`${count(connection.connects)} connects`)]]
  if (connection.avg !== null)
    pieces.push([
      span('connect time avg '),
      latencyCell(connection.avg),
      span(' p99 '),
      latencyCell(connection.p99),
    ])
  if (connection.refused > 0) pieces.push([span(`${count(connection.refused)} refused`, 'bad')])
  if (connection.connectTimeout > 0)
    pieces.push([span(`${count(connection.connectTimeout)} connect timeouts`, 'bad')])
  if (connection.unreachable > 0) pieces.push([span(`${count(connection.unreachable)} unreachable`, 'bad')])
  if (connection.earlyClose > 0) pieces.push([span(`${count(connection.earlyClose)} early closes`, 'bad')])
  if (!isUnread(subject) && connection.opaque > 0)
    pieces.push([span(`${count(connection.opaque)} opaque flows (TLS or h2)`, 'warn')])
  return pieces
}

/** Two charts side by side if both fit; else one below the other, or none. */
function chartLines(subject: Drilldown, columns: number, room: number): Line[] {
  const across = columns >= 100 ? 2 : 1
  const plots = plotsOf(subject).slice(0, Math.max(across, across * Math.floor(room / 6)))
  const height = Math.min(9, Math.floor(room / Math.ceil(plots.length / across)) - 2)
  if (height < 3) return []
  const width = Math.floor(columns / across) - 1
  const drawn = plots.map(({ title, values, format, style }) => [
    line(` ${title}, last ${values.length} s`, 'dim'),
    ...chart(values, { width, height, format }).map((text) => line(text, style)),
  ])
  const rows: Line[] = []
  for (let i = 0; i < drawn.length; i += across)
    rows.push(EMPTY, ...beside(drawn[i]!, drawn[i + 1] ?? [], width))
  return rows
}

const beside = (lines: readonly Line[], others: readonly Line[], width: number): Line[] =>
  lines.map((spans, i) => (others[i] === undefined ? spans : [...padLine(spans, width), ...others[i]]))

interface Plot {
  readonly title: string
  readonly values: Drilldown['rps']
  readonly format: (value: number) => string
  readonly style: Style
}

function plotsOf({ rps, header, trouble, figures: { grpc } }: Drilldown): Plot[] {
  const time = (value: number): string => latency(micros(value))
  const hasGrpc = grpc !== null && grpc.length > 0
  const isTroubled = trouble.some((value) => value !== null && value > 0)
  return [
    { title: 'requests per second', values: rps, format: rate, style: 'accent' },
    { title: 'mean header time', values: header, format: time, style: 'accent' },
    ...(isTroubled
      ? [
          {
            title: hasGrpc ? '5xx, gRPC errors and failures per second' : '5xx and failures per second',
            values: trouble,
            format: rate,
            style: 'bad',
          } satisfies Plot,
        ]
      : []),
  ]
}

/** The backend's routes, scrolled so that the cursor is visible. */
function routeLines({ routes }: Drilldown, { selected, size }: DetailView, room: number): Line[] {
  const first = Math.max(0, Math.min(selected - room + 3, routes.length - room + 1))
  const names = routes.map(({ route }) => cellWidth(`${visible(route.method)} ${visible(route.path)}`))
  const path = Math.max(16, Math.min(size.columns - 60, inEights(Math.max(...names, 0))))
  const title = `  ${left(`ROUTE  (${count(routes.length)})`, path)}  ${right('RPS', 7)}  ${right('SHARE', 5)}  ${right('avg', 6)}  ${right('p99', 6)}  STATUS`
  const rows = routes.slice(first, first + Math.max(1, room - 1)).map((route, i) => {
    const name = left(clip(`${visible(route.route.method)} ${visible(route.route.path)}`, path), path)
    const [avg, p99] = [latencyCell(route.avg), latencyCell(route.p99, route.thinned)]
    const spans: Line = [
      span(first + i === selected ? '> ' : '  '),
      span(name),
      span(`  ${right(`${rate(route.rps)}/s`, 7)}  ${right(percent(route.share), 5)}`),
      span(`  ${right(avg.text, 6)}`, avg.style),
      span(`  ${right(p99.text, 6)}`, p99.style),
      span('  '),
      ...statusCells(route, null, Math.max(0, size.columns - path - 36)),
    ]
    return first + i === selected
      ? padLine(spans, size.columns).map(({ text }) => span(text, 'selected'))
      : spans
  })
  return [line(title, 'dim'), ...rows]
}

/** The distribution by octaves: the bounds of each line are twice those of the line above. */
function latencyLines({ latencies, requests }: Drilldown, columns: number, room: number): Line[] {
  const greatest = Math.max(1, ...latencies.map(({ count: n }) => n))
  const bars = latencies
    .slice(0, Math.max(0, room - 2))
    .map(({ from, beyond, count: n }) => [
      span(`  ${right(latency(from), 6)} – ${right(latency(beyond), 6)} ${right(count(n), 6)} `),
      span(bar(n / greatest, Math.max(4, columns - 30)), 'accent'),
    ])
  const hint = line(` Enter: its ${count(requests.length)} kept requests up to this moment`, 'dim')
  return [line(' header time, how many', 'dim'), ...bars, hint]
}
