/** Numbers of an entity in words. */
import { micros } from '../../frame/model/units.ts'
import { exactCount, finePercent, latency } from '../../render/quantities.ts'
import type { Entity, FullEntity } from './document.ts'

export const shareText = (part: number, whole: number): string =>
  finePercent(whole === 0 ? null : part / whole)

export const timesText = (of: FullEntity['header_ms']): string =>
  of.count === 0
    ? '–'
    : `avg ${millis(of.avg)} · p50 ${millis(of.p50)} · p90 ${millis(of.p90)} · p99 ${millis(of.p99)} · max ${millis(of.max)}` +
      (of.sampled !== null && of.sampled < of.count
        ? ` (percentiles over ${exactCount(of.sampled)} of ${exactCount(of.count)})`
        : '')

export const failuresOf = ({ failures }: Entity | FullEntity): number =>
  Object.values<number | null>({ ...failures }).reduce<number>((sum, count) => sum + (count ?? 0), 0)

export const millis = (value: number | null): string => latency(value === null ? null : micros(value * 1000))
