/** The exact sum over a range of ticks: whole minutes from their rollups, the ends tick by tick. */
import type { Aggregate } from '../frame/aggregate.ts'
import type { SeqRange } from '../frame/recording.ts'
import { Accumulator } from './accumulator.ts'
import type { Access } from './connection.ts'
import type { Minute } from './ticks.ts'

/** @param minutes all rollups, in order */
export function aggregate(access: Access, minutes: readonly Minute[], { from, to }: SeqRange): Aggregate {
  const sum = new Accumulator()
  let next = from
  for (const minute of minutes) {
    const beyond = minute.first + minute.ticks
    if (minute.first < from || beyond > to) continue
    addTicks(access, sum, next, minute.first)
    if (!addMinute(access, sum, minute.first)) addTicks(access, sum, minute.first, beyond)
    next = beyond
  }
  addTicks(access, sum, next, to)
  return sum.result()
}

function addTicks({ frames }: Access, sum: Accumulator, from: number, to: number): void {
  for (let seq = from; seq < to; seq++) {
    const frame = frames.read(seq)
    if (frame !== null) sum.addFrame(frame)
  }
}

/** false where the rollup cannot be read or does not match its checksum */
function addMinute({ minutes }: Access, sum: Accumulator, first: number): boolean {
  const minute = minutes.read(first)
  if (minute === null) return false
  sum.beginSpan(minute.span)
  for (const row of minute.rows.traffic) sum.addTraffic(row.backend, row.route, row)
  for (const row of minute.rows.connections) sum.addConnection(row.backend, row)
  return true
}
