/**
 * The tick summaries of a minute as one BLOB, about twelve bytes per tick: the series of a day takes 1,440 short reads instead of
 * 86,400 rows. Per tick: µs from the end of the tick before to its start (for the first: since 1970), length − 1 s, requests, answered,
 * 5xx, failures, header sum, number of the gap's reason (0: none).
 */
import type { GapReason } from '../../frame/model/frame.ts'
import type { TickSummary } from '../../frame/model/recording.ts'
import { micros, SECOND, wallMicros } from '../../frame/model/units.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { ByteWriter } from './bytes.ts'
import { checkCount, checkSeq, checkSpan, checkTick, MAX_MINUTE_TICKS } from './limits.ts'

/** A reason's number in the file is its place + 1: new ones are added at the end. */
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

/**
 * Appends the summaries of `ticks` ticks, from number `first` on. A day has 700,000 numbers: those of up to three bytes are read without a loop.
 * @throws CorruptRow, with nothing appended
 */
export function unpackSeries(packed: Uint8Array, first: number, ticks: number, into: TickSummary[]): void {
  const known = into.length
  try {
    unpack(packed, first, into)
    if (into.length - known !== ticks) throw new CorruptRow('a minute’s series has a wrong number of ticks')
  } catch (error) {
    into.length = known
    throw error
  }
}

function unpack(packed: Uint8Array, first: number, into: TickSummary[]): void {
  let at = 0
  const next = (): number => {
    const byte = packed[at++]!
    if (byte < 128) return byte
    const second = packed[at++]!
    if (second < 128) return byte - 128 + second * 128
    const third = packed[at++]!
    if (third < 128) return byte - 128 + (second - 128) * 128 + third * 16384
    let value = byte - 128 + (second - 128) * 128 + (third - 128) * 16384
    for (let scale = 2097152; ; scale *= 128) {
      const more = packed[at++]
      if (more === undefined) throw new CorruptRow('a minute’s series ends early')
      value += (more & 127) * scale
      if (more < 128) return value
    }
  }
  const signed = (): number => {
    const value = next()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
  let end = 0
  for (let seq = checkSeq(first); at < packed.length; seq++) {
    if (seq - first === MAX_MINUTE_TICKS) throw new CorruptRow('a minute has too many ticks')
    const start = end + signed()
    const length = SECOND + signed()
    end = start + length
    checkTick(start, length)
    into.push({
      seq,
      start: wallMicros(start),
      length: micros(length),
      requests: checkCount(next()),
      answered: checkCount(next()),
      fivexx: checkCount(next()),
      failures: checkCount(next()),
      headerSum: checkSpan(next()),
      gapBefore: GAP_REASONS[next() - 1] ?? null,
    })
  }
  if (at > packed.length) throw new CorruptRow('a minute’s series ends early')
}
