/**
 * The tick summaries of a minute as one BLOB, some twelve bytes a tick: a day's series is 1,440 short reads instead of 86,400
 * rows. Per tick: distance of its start from the end of the tick before (the first: from 1970), length − 1 s, requests, answered,
 * 5xx, failures, header sum, number of its gap's reason (0: none).
 */
import type { GapReason } from '../frame/frame.ts'
import type { TickSummary } from '../frame/recording.ts'
import { micros, SECOND, wallMicros } from '../frame/units.ts'
import { ByteReader, ByteWriter } from './bytes.ts'

export const GAP_REASONS = [
  'late',
  'stopped',
  'disk_full',
  'suspend',
  'damaged',
] as const satisfies readonly GapReason[]

const bytes = new ByteWriter()

export function packSeries(ticks: readonly TickSummary[]): Buffer {
  let end = 0
  for (const tick of ticks) {
    bytes.signed(tick.start - end)
    bytes.signed(tick.length - SECOND)
    bytes.unsigned(tick.requests)
    bytes.unsigned(tick.answered)
    bytes.unsigned(tick.fivexx)
    bytes.unsigned(tick.failures)
    bytes.unsigned(tick.headerSum)
    bytes.unsigned(tick.gapBefore === null ? 0 : GAP_REASONS.indexOf(tick.gapBefore) + 1)
    end = tick.start + tick.length
  }
  return bytes.take()
}

/** Appends the summaries of the ticks from `first` on. */
export function unpackSeries(packed: Uint8Array, first: number, into: TickSummary[]): void {
  const reader = new ByteReader(packed)
  let end = 0
  for (let seq = first; !reader.done; seq++) {
    const start = end + reader.signed()
    const length = SECOND + reader.signed()
    end = start + length
    into.push({
      seq,
      start: wallMicros(start),
      length: micros(length),
      requests: reader.unsigned(),
      answered: reader.unsigned(),
      fivexx: reader.unsigned(),
      failures: reader.unsigned(),
      headerSum: micros(reader.unsigned()),
      gapBefore: GAP_REASONS[reader.unsigned() - 1] ?? null,
    })
  }
}
