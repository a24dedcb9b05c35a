/** Bursts: a backend has more 5xx, failures, gRPC errors behind answers or refused connections than usual. */
import { attempts, classCount, quietGrpcErrors, ratio } from '../../frame/expression/measure.ts'
import type { BackendSum } from '../../frame/model/aggregate.ts'
import type { Codes } from '../../frame/model/frame.ts'
import { grpcEnded, grpcName } from '../../frame/model/grpc.ts'
import { NO_CONNECTIONS } from '../../frame/model/nothing.ts'
import { failedConnects, failedRequests } from '../../frame/sum/sums.generated.ts'
import { exactCount, finePercent, longSpan } from '../../render/quantities.ts'
import type { BackendSeries } from '../data/step-series.ts'
import type { FindingKind } from '../document/document.ts'
import { burstsIn } from './bursts.ts'
import { mainRoute } from './culprit.ts'
import type { Candidate, DetectorInput } from './finding.ts'

interface ErrorKind {
  readonly kind: FindingKind
  readonly counts: (series: BackendSeries) => readonly number[]
  readonly wholes: (series: BackendSeries) => readonly number[]
  /** the same counts, taken from a sum */
  readonly part: (line: BackendSum) => number
  readonly whole: (line: BackendSum) => number
  readonly words: string
  /** what most of them are, in words */
  readonly mostly?: (line: BackendSum) => string | null
  /** least score of a burst, in standard deviations */
  readonly leastScore: number
}

const KINDS: readonly ErrorKind[] = [
  {
    kind: 'burst_5xx',
    counts: (series) => series.fivexx,
    wholes: (series) => series.answered,
    part: (line) => classCount(line, 5),
    whole: (line) => line.answered,
    words: '5xx on',
    leastScore: 6,
  },
  {
    kind: 'burst_failures',
    counts: (series) => series.failures,
    wholes: (series) => series.requests,
    part: ({ failures }) => failedRequests(failures),
    whole: (line) => line.requests,
    words: 'failures on',
    leastScore: 6,
  },
  {
    kind: 'burst_grpc_errors',
    counts: (series) => series.grpcErrors,
    wholes: (series) => series.grpcEnded,
    part: quietGrpcErrors,
    whole: ({ grpc }) => grpcEnded(grpc) ?? 0,
    words: 'gRPC errors on',
    mostly: ({ grpc }) => grpc && mostFrequentError(grpc),
    leastScore: 6,
  },
  {
    kind: 'backend_refused',
    counts: (series) => series.refused,
    wholes: (series) => series.requests.map((requests, i) => requests + series.refused[i]!),
    part: ({ connection }) => failedConnects(connection),
    whole: attempts,
    words: 'connections refused or timed out by',
    leastScore: 4,
  },
]

/** A burst raises the share by at least one percentage point. */
const MIN_RISE = 0.01

export function errorBursts({ series, label }: DetectorInput): Candidate[] {
  return series.backends.flatMap((backendSeries) =>
    KINDS.flatMap((kind) => {
      const [counts, wholes] = [kind.counts(backendSeries), kind.wholes(backendSeries)]
      return burstsIn(counts, wholes, { score: kind.leastScore, rise: MIN_RISE }).map(
        ({ run, usual, share: after }): Candidate => {
          return {
            kind: kind.kind,
            run,
            backend: backendSeries.backend,
            before: usual,
            after,
            measures: 'ratio',
            levels: { usual, changed: after },
            value: (line) =>
              line === null || kind.whole(line) === 0 ? null : kind.part(line) / kind.whole(line),
            weight: (line) => (line === null ? 0 : kind.whole(line)),
            confirm: () => true,
            culprit: (within) =>
              mainRoute(within, (route, line) =>
                kind.part({ ...line, ...route, connection: NO_CONNECTIONS }),
              ),
            describe: (line, length, route) => {
              const [errors, all] = line === null ? [0, 0] : [kind.part(line), kind.whole(line)]
              const place =
                route === null ? label(backendSeries.backend) : `${label(backendSeries.backend)} ${route}`
              const counted = `${exactCount(errors)} of ${exactCount(all)}`
              const share = ratio(errors, all)
              const mostly = line === null ? null : (kind.mostly?.(line) ?? null)
              return {
                after: share,
                what: `${kind.words} ${place}: ${finePercent(share)} for ${longSpan(length)} (${counted}${mostly === null ? '' : `, mostly ${mostly}`}), ${finePercent(usual)} otherwise`,
              }
            },
          }
        },
      )
    }),
  )
}

/** The name of the most frequent status that is not OK. */
function mostFrequentError(grpc: Codes): string | null {
  let most: { readonly status: number; readonly count: number } | null = null
  for (let i = 0; i < grpc.length; i += 2) {
    const [status, count] = [grpc[i]!, grpc[i + 1]!]
    if (status !== 0 && count > (most?.count ?? 0)) most = { status, count }
  }
  return most && grpcName(most.status)
}
