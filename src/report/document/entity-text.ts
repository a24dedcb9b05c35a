/** Numbers of an entity in words. */
import { micros } from '../../frame/model/units.ts'
import { bytes, exactCount, finePercent, latency, NOTHING } from '../../render/quantities.ts'
import type { Entity, FullEntity } from './document.ts'

export const shareText = (part: number, whole: number): string =>
  finePercent(whole === 0 ? null : part / whole)

export const timesText = (times: FullEntity['header_ms']): string =>
  times.count === 0
    ? '–'
    : `avg ${millis(times.avg)} · p50 ${millis(times.p50)} · p90 ${millis(times.p90)} · p99 ${millis(times.p99)} · max ${millis(times.max)}` +
      (times.sampled !== null && times.sampled < times.count
        ? ` (percentiles over ${exactCount(times.sampled)} of ${exactCount(times.count)})`
        : '')

export const failuresOf = ({ failures }: Entity | FullEntity): number =>
  Object.values<number | null>({ ...failures }).reduce<number>((sum, count) => sum + (count ?? 0), 0)

/** All statuses but 0. null: unknown */
export const grpcErrorsIn = (grpc: Entity['grpc']): number | null =>
  grpc && grpcEndedIn(grpc) - (grpc['0'] ?? 0)
export const grpcEndedIn = (grpc: NonNullable<Entity['grpc']>): number =>
  Object.values(grpc).reduce((sum, count) => sum + count, 0)

export const bytesText = (value: number | null): string => (value === null ? NOTHING : bytes(value))

export const millis = (value: number | null): string => latency(value === null ? null : micros(value * 1000))
