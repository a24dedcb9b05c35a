/** Detects a suspend, which stops the monotonic clock, and a clock step, which moves only the wall clock, between two snapshots. */
import type { Snapshot } from '../frame/model/snapshot.ts'

export type ClockEvent =
  | { readonly kind: 'steady' }
  | { readonly kind: 'suspend'; readonly micros: number }
  | { readonly kind: 'step'; readonly micros: number }

/** NTP slews by 500 ppm at most; a larger difference is a step of the clock, not jitter. */
const TOLERANCE = 200_000

export type Clocks = Pick<Snapshot, 'wall' | 'mono' | 'boot'>

export function clockEvent(before: Clocks, after: Clocks): ClockEvent {
  const mono = Number((after.mono - before.mono) / 1000n)
  const suspended = Number((after.boot - before.boot) / 1000n) - mono
  if (suspended > TOLERANCE) return { kind: 'suspend', micros: suspended }
  const stepped = after.wall - before.wall - mono
  if (Math.abs(stepped) > TOLERANCE) return { kind: 'step', micros: stepped }
  return { kind: 'steady' }
}
