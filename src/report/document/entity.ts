/** Counts of the model as an entity of the report: the fields of `report --format json`, see docs/NUMBERS.md. */
import { classCount, perSecond, receivedBytes, sentBytes, statistic } from '../../frame/expression/measure.ts'
import { byWord, CONNECT_FAILURES, ROUTE_FAILURES, ROUTE_PLAIN } from '../../frame/model/counters.ts'
import type { Codes, Counts, Distribution, ConnectionCounts } from '../../frame/model/frame.ts'
import { grpcWord } from '../../frame/model/grpc.ts'
import type { Micros } from '../../frame/model/units.ts'
import {
  STATUS_CLASSES,
  type DistributionEntry,
  type Entity,
  type FullEntity,
  type StatusClass,
} from './document.ts'

/** @param length sum of the real tick lengths, the divisor of rates */
export function entityOf(counts: Counts, length: Micros): Entity {
  const { requests, answered, unseen, ...others } = byWord(ROUTE_PLAIN, counts)
  return {
    requests,
    rps: perSecond(requests, length),
    answered,
    in_flight: counts.inFlight,
    ...others,
    grpc: grpcOf(counts),
    unseen,
    status: statusOf(counts),
    codes: codesOf(counts),
    failures: byWord(ROUTE_FAILURES, counts.failures),
    header_ms: distributionOf(counts.header),
    total_ms: distributionOf(counts.total),
  }
}

export function fullEntityOf(
  sum: Counts & { readonly connection: ConnectionCounts },
  length: Micros,
): FullEntity {
  const entity = entityOf(sum, length)
  const { retransmits, connect } = sum.connection
  return {
    ...entity,
    retransmits: entity.retransmits + retransmits,
    sent_bytes: sentBytes(sum),
    received_bytes: receivedBytes(sum),
    failures: { ...entity.failures, ...byWord(CONNECT_FAILURES, sum.connection) },
    connect_ms: distributionOf(connect),
  }
}

function distributionOf(distribution: Distribution): DistributionEntry {
  if (distribution.count === 0) return NOTHING_MEASURED
  const millis = (name: 'avg' | 'min' | 'max' | 'p50' | 'p90' | 'p95' | 'p99' | 'p999'): number | null => {
    const value = statistic(distribution, name)
    return value === null ? null : value / 1000
  }
  return {
    count: distribution.count,
    sampled: distribution.sampled,
    sum: distribution.sum / 1000,
    avg: millis('avg'),
    min: millis('min'),
    max: millis('max'),
    p50: millis('p50'),
    p90: millis('p90'),
    p95: millis('p95'),
    p99: millis('p99'),
    p999: millis('p999'),
  }
}

const NOTHING_MEASURED: DistributionEntry = {
  count: 0,
  sampled: null,
  sum: null,
  avg: null,
  min: null,
  max: null,
  p50: null,
  p90: null,
  p95: null,
  p99: null,
  p999: null,
}

function statusOf(counts: Counts): Record<StatusClass, number> {
  const status = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 }
  STATUS_CLASSES.forEach((name, i) => (status[name] = classCount(counts, i + 1)))
  return status
}

const codesOf = ({ codes }: Counts): Record<string, number> => named(codes, String)
const grpcOf = ({ grpc }: Counts): Record<string, number> | null => grpc && named(grpc, grpcWord)

function named(pairs: Codes, wordOf: (code: number) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < pairs.length; i += 2) counts[wordOf(pairs[i]!)] = pairs[i + 1]!
  return counts
}
