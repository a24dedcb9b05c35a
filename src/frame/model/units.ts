/**
 * Units are part of the type. No module passes a time to another one as a plain number.
 * Wall clock: microseconds since the epoch (exact below 2^53 until the year 2255).
 * Latency: whole microseconds. Monotonic clock: nanoseconds as bigint (2^53 ns is only 104 days).
 */
declare const unit: unique symbol
type Quantity<Unit extends string> = number & { readonly [unit]: Unit }

export type WallMicros = Quantity<'wall clock, µs since 1970'>
export type Micros = Quantity<'duration, µs'>
export type MonotonicNanos = bigint & { readonly [unit]: 'monotonic clock, ns' }

export const wallMicros = (value: number): WallMicros => value as WallMicros
export const micros = (value: number): Micros => value as Micros
export const monotonicNanos = (value: bigint): MonotonicNanos => value as MonotonicNanos

export const SECOND: Micros = micros(1_000_000)
export const MINUTE: Micros = micros(60_000_000)

export const addMicros = (wall: WallMicros, span: number): WallMicros => wallMicros(wall + span)
export const between = (from: WallMicros, to: WallMicros): Micros => micros(to - from)
/** Milliseconds are the unit of all JSON output. */
export const toMillis = (span: Micros): number => span / 1000
export const toSeconds = (span: Micros): number => span / 1_000_000
