/** Detects a suspend, which stops the monotonic clock, and a clock step, which moves only the wall clock, between two snapshots. */
import type { Snapshot } from '../frame/model/snapshot.ts'
import { STEP_TOLERANCE } from '../frame/time/elapsed.ts'

export type ClockEvent =
  | { readonly kind: 'steady' }
  | { readonly kind: 'suspend'; readonly micros: number }
  | { readonly kind: 'step'; readonly micros: number }

export type Clocks = Pick<Snapshot, 'wall' | 'mono' | 'boot'>

export function clockEvent(before: Clocks, after: Clocks): ClockEvent {
  const mono = Number((after.mono - before.mono) / 1000n)
  const suspended = Number((after.boot - before.boot) / 1000n) - mono
  if (suspended > STEP_TOLERANCE) return { kind: 'suspend', micros: suspended }
  const stepped = after.wall - before.wall - mono
  if (Math.abs(stepped) > STEP_TOLERANCE) return { kind: 'step', micros: stepped }
  return { kind: 'steady' }
}
