/** A leaderboard as an object in the words of the report's JSON, for `--print --json`: times are UTC, durations milliseconds, ratios 0–1. */
import { nameOf } from '../../frame/model/aggregate.ts'
import { grpcWord } from '../../frame/model/grpc.ts'
import type { RequestEvent } from '../../frame/model/frame.ts'
import type { RecordingInfo } from '../../frame/model/recording.ts'
import { isoUtc } from '../../frame/time/timezone.ts'
import type { Figures } from '../../frame/views/figures.ts'
import type { BackendLine, Leaderboard, RouteLine } from '../../frame/views/leaderboard.ts'

export function jsonOf(board: Leaderboard, info: RecordingInfo): unknown {
  const several = new Set(board.backends.map(({ backend }) => backend.netns)).size > 1
  return {
    schema: 1,
    host: info.host,
    at: isoUtc(board.at),
    window_s: board.windowSeconds,
    coverage: board.coverage,
    gap: board.gap && { from: isoUtc(board.gap.from), to: isoUtc(board.gap.to), reason: board.gap.reason },
    totals: figuresJson(board.totals),
    backends: board.backends.map((line) => ({
      ...backendJson(line),
      ...(several ? spaceJson(line) : {}),
    })),
    hidden_backends: board.hiddenBackends,
    requests: board.requests.map(requestJson),
  }
}

const backendJson = (line: BackendLine): object => ({
  backend: line.backend.address,
  name: nameOf(line.backend),
  names: line.backend.names,
  share: line.share,
  ...figuresJson(line),
  connects: line.connects,
  opaque: line.opaque,
  protocol: line.protocol,
  tls: line.tls,
  open_connections: line.openConnections,
  wire: line.wires,
  rps_series: line.series,
  routes: line.routes.map(routeJson),
  hidden_routes: line.hiddenRoutes,
})

/** Only where there are several network namespaces. */
const spaceJson = ({ backend: { netns, namespace } }: BackendLine): object => ({
  netns,
  namespace: namespace ?? null,
})

const routeJson = (line: RouteLine): unknown => ({
  method: line.route.method,
  route: line.route.path,
  share: line.share,
  ...figuresJson(line),
})

const figuresJson = (figures: Figures): Record<string, unknown> => ({
  requests: figures.requests,
  rps: figures.rps,
  answered: figures.answered,
  in_flight: figures.inFlight,
  oldest_ms: millis(figures.oldest),
  status: Object.fromEntries(figures.classes.map(({ name, count }) => [name, count])),
  failures: Object.fromEntries(
    figures.failureKinds.map(({ kind, count }) => [kind.replaceAll(' ', '_'), count]),
  ),
  header_ms: {
    avg: millis(figures.avg),
    p50: millis(figures.p50),
    p90: millis(figures.p90),
    p99: millis(figures.p99),
    max: millis(figures.max),
  },
  total_ms: { p99: millis(figures.totalP99) },
  retransmits: figures.retransmits,
  retries: figures.retries,
  sent_bytes: figures.sentBytes,
  received_bytes: figures.receivedBytes,
  grpc:
    figures.grpc && Object.fromEntries(figures.grpc.map(({ status, count }) => [grpcWord(status), count])),
})

const requestJson = ({ at, backend, route, outcome, header, total }: RequestEvent): unknown => ({
  at: isoUtc(at),
  backend: backend.address,
  name: nameOf(backend),
  method: route.method,
  route: route.path,
  outcome,
  header_ms: millis(header),
  total_ms: millis(total),
})

const millis = (span: number | null): number | null => (span === null ? null : span / 1000)
