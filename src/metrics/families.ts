/** Every metric: its name, what it is, and its samples. docs/metrics.md lists them; a new one is a line here and a line there. */
import { CONNECT_FAILURES, EXCLUDED, LOSS, ROUTE_FAILURES, type Counter } from '../frame/model/counters.ts'
import { grpcWord } from '../frame/model/grpc.ts'
import type { Counters, Plain } from './counters.ts'
import type { HostState } from './host.ts'
import { label } from './labels.ts'
import type { Series } from './series.ts'
import { BOUNDS, type Times } from './times.ts'

/** A sample. @param suffix of the family's name @param labels behind those of the series */
export type Emit = (suffix: string, labels: string, value: number) => void

/** Who says it, and after how many ticks. */
export interface Moment {
  readonly host: HostState
  readonly build: Build
  readonly tick: number
  /** rows of the request list that a ceiling has left out; absent where there is none */
  readonly thinned?: number | null
}

export interface Build {
  readonly version: string
  readonly kernel: string
}

interface Named {
  /** without `_total` and `_info` */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info'
  readonly help: string
  /** also the end of its name */
  readonly unit?: 'seconds' | 'bytes' | 'ratio'
}

/** Of each set of labels. */
export interface SeriesFamily extends Named {
  readonly of: 'series'
  readonly has: (series: Series) => boolean
  readonly samples: (series: Series, emit: Emit, moment: Moment) => void
}

/** Of the host. */
export interface HostFamily extends Named {
  readonly of: 'host'
  readonly samples: (moment: Moment, emit: Emit) => void
}

export type Family = SeriesFamily | HostFamily

const ofRequests = ({ kind }: Series): boolean => kind !== 'connections'
const ofConnections = ({ kind }: Series): boolean => kind !== 'route'
const ofBoth = (): boolean => true

export const FAMILIES: readonly Family[] = [
  histogram(
    'http_client_request_duration_seconds',
    'Time until the head of the final answer is complete, as $upstream_header_time. The count is of the sampled requests, the sum of all.',
    (counters) => counters.header,
  ),
  histogram(
    'upstreamtop_response_duration_seconds',
    'Time until the end of the answer, as $upstream_response_time. The count is of the sampled requests, the sum of all.',
    (counters) => counters.total,
  ),
  counter(
    'upstreamtop_requests',
    'Attempts whose request line left for the backend.',
    'requests',
    ofRequests,
  ),
  {
    of: 'series',
    name: 'upstreamtop_responses',
    type: 'counter',
    help: 'Final answers whose head is complete, by status code.',
    has: ofRequests,
    samples: ({ counters: { codes } }, emit) => {
      for (let i = 0; i < codes.length; i += 2)
        emit('_total', label('http_response_status_code', String(codes[i])), codes[i + 1]!)
    },
  },
  {
    of: 'series',
    name: 'upstreamtop_grpc_responses',
    type: 'counter',
    help: 'gRPC exchanges that ended, by grpc-status; none: without one.',
    has: ofRequests,
    samples: ({ counters: { grpc } }, emit) => {
      for (let i = 0; grpc !== null && i < grpc.length; i += 2)
        emit('_total', label('grpc_status', grpcWord(grpc[i]!)), grpc[i + 1]!)
    },
  },
  {
    of: 'series',
    name: 'upstreamtop_failures',
    type: 'counter',
    help: 'Attempts without a complete final head, by reason. Those of refused, connect_timeout, unreachable and early_close are no requests.',
    has: ofBoth,
    samples: failures,
  },
  counter(
    'upstreamtop_unseen',
    'Attempts whose outcome lay in bytes that passed unseen.',
    'unseen',
    ofRequests,
  ),
  counter(
    'upstreamtop_retries',
    'Attempts that follow a failed one of the same request, inferred.',
    'retries',
    ofRequests,
  ),
  counter('upstreamtop_connects', 'Connections that were established.', 'connects', ofConnections),
  counter(
    'upstreamtop_sent_bytes',
    'Bytes of requests, and of connections that cannot be read.',
    'sentBytes',
    ofBoth,
    'bytes',
  ),
  counter(
    'upstreamtop_received_bytes',
    'Bytes of answers, and of connections that cannot be read.',
    'receivedBytes',
    ofBoth,
    'bytes',
  ),
  {
    of: 'series',
    name: 'upstreamtop_in_flight',
    type: 'gauge',
    help: 'Requests that are open at the end of the last tick.',
    has: ofRequests,
    samples: ({ counters }, emit, { tick }) => emit('', '', counters.inFlight(tick)),
  },
  {
    of: 'host',
    name: 'upstreamtop_coverage_ratio',
    type: 'gauge',
    help: 'How much of the last 60 s was recorded, 0 to 1.',
    unit: 'ratio',
    samples: ({ host: { coverage } }, emit) => coverage !== null && emit('', '', coverage),
  },
  reasons('upstreamtop_loss', 'Why other numbers may be too small.', LOSS, ({ loss }) => loss),
  reasons(
    'upstreamtop_excluded',
    "Traffic that is not nginx's upstream leg, or left out.",
    EXCLUDED,
    ({ excluded }) => excluded,
  ),
  {
    of: 'host',
    name: 'upstreamtop_requests_thinned',
    type: 'counter',
    help: 'Requests that --max-cpu or --max-memory has left out of the list of requests. Counts are whole.',
    samples: ({ thinned = null }, emit) => thinned !== null && emit('_total', '', thinned),
  },
  {
    of: 'host',
    name: 'upstreamtop_last_tick_timestamp_seconds',
    type: 'gauge',
    help: 'When the last tick ended, in seconds since 1970.',
    unit: 'seconds',
    samples: ({ host: { lastTick } }, emit) => lastTick !== null && emit('', '', lastTick / 1e6),
  },
  {
    of: 'host',
    name: 'upstreamtop_build',
    type: 'info',
    help: 'The version of the recorder, and the kernel.',
    samples: ({ build }, emit) =>
      emit('_info', `${label('version', build.version)},${label('kernel', build.kernel)}`, 1),
  },
]

function histogram(name: string, help: string, of: (counters: Counters) => Times): SeriesFamily {
  return {
    of: 'series',
    name,
    type: 'histogram',
    help,
    unit: 'seconds',
    has: ofRequests,
    samples: ({ counters }, emit) => {
      const { slots, sum } = of(counters)
      let below = 0
      for (let slot = 0; slot < slots.length; slot++) emit('_bucket', LES[slot]!, (below += slots[slot]!))
      emit('_count', '', below)
      emit('_sum', '', sum / 1e6)
    },
  }
}

function counter(
  name: string,
  help: string,
  plain: Plain,
  has: SeriesFamily['has'],
  unit?: 'bytes',
): SeriesFamily {
  const samples: SeriesFamily['samples'] = ({ counters }, emit) => emitKnown(emit, '', counters.plain(plain))
  return { of: 'series', name, type: 'counter', help, ...(unit && { unit }), has, samples }
}

function reasons(
  name: string,
  help: string,
  list: readonly Counter[],
  values: (host: HostState) => ArrayLike<number>,
): HostFamily {
  const labels = reasonsOf(list)
  const samples: HostFamily['samples'] = ({ host }, emit) =>
    labels.forEach((reason, i) => emitKnown(emit, reason, values(host)[i]!))
  return { of: 'host', name, type: 'counter', help, samples }
}

function failures({ kind, counters }: Series, emit: Emit, { host }: Moment): void {
  if (kind !== 'connections')
    counters.failures.forEach((count, i) => emitKnown(emit, REQUEST_REASONS[i]!, count))
  if (kind === 'route') return
  counters.failedConnects.forEach((count, i) => {
    // Without `holes` the later ones are not told either: no row is then no sign that there were none.
    const isTold = CONNECT_FAILURES[i]!.since === 'first' || !Number.isNaN(host.loss[HOLES]!)
    if (isTold) emitKnown(emit, CONNECT_REASONS[i]!, count)
  })
}

/** What is unknown has no sample: it is not 0. */
function emitKnown(emit: Emit, labels: string, value: number): void {
  if (!Number.isNaN(value)) emit('_total', labels, value)
}

function reasonsOf(list: readonly Counter[]): readonly string[] {
  return list.map(({ word }) => label('reason', word))
}

const REQUEST_REASONS = reasonsOf(ROUTE_FAILURES)
const CONNECT_REASONS = reasonsOf(CONNECT_FAILURES)
const LES = [...BOUNDS.map((bound) => label('le', String(bound / 1e6))), label('le', '+Inf')]
const HOLES = LOSS.findIndex(({ word }) => word === 'holes')
