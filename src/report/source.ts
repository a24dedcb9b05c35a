/** Recordings as a report reads them: several at once, each with its clock set right. */
import type { Aggregate } from '../frame/aggregate.ts'
import { sumOf } from '../frame/aggregate.ts'
import { fleetOf } from '../frame/fleet.ts'
import type { Recording, SeqRange } from '../frame/recording.ts'
import { ticksWithin, type TimeSpan } from '../frame/time.ts'
import { addMicros, MINUTE, wallMicros, type WallMicros } from '../frame/units.ts'

/** The recording with all its times moved; `offset` is added to the host's clock, µs. */
export function shifted(recording: Recording, offset: number): Recording {
  if (offset === 0) return recording
  const move = (at: WallMicros): WallMicros => addMicros(at, offset)
  return {
    get info() {
      const { info } = recording
      return { ...info, start: move(info.start), end: move(info.end) }
    },
    ticks: recording.ticks.map((tick) => ({ ...tick, start: move(tick.start) })),
    gaps: recording.gaps.map((gap) => ({ ...gap, from: move(gap.from), to: move(gap.to) })),
    markers: recording.markers.map((marker) => ({ ...marker, at: move(marker.at) })),
    damage: recording.damage,
    frame: (seq) => {
      const frame = recording.frame(seq)
      return frame === null ? null : { ...frame, start: move(frame.start) }
    },
    aggregate: (range) => {
      const sum = recording.aggregate(range)
      return { ...sum, from: move(sum.from), to: move(sum.to) }
    },
    *requests(range) {
      for (const event of recording.requests(range)) yield { ...event, at: move(event.at) }
    },
    refresh: () => false,
    close: () => recording.close(),
  }
}

/** The sum over a range of time, exact, over all recordings. */
export const aggregateWithin = (recordings: readonly Recording[], range: TimeSpan): Aggregate =>
  fleetOf(
    recordings.map((recording) => ({
      host: recording.info.host,
      aggregate: sumOf(ticksWithin(recording.ticks, range).map((run) => recording.aggregate(run))),
    })),
  )

export interface MinuteSum {
  readonly start: WallMicros
  readonly aggregate: Aggregate
}

/** One sum a minute of UTC in which there is a tick. */
export function minutesWithin(recordings: readonly Recording[], range: TimeSpan): MinuteSum[] {
  const parts = recordings.flatMap((recording) => {
    const { host } = recording.info
    return [...minuteRuns(recording, range)].map(([minute, runs]) => ({
      minute,
      host,
      aggregate: sumOf(runs.map((run) => recording.aggregate(run))),
    }))
  })
  const minutes = [...new Set(parts.map((part) => part.minute))].sort((a, b) => a - b)
  const byMinute = new Map(minutes.map((minute) => [minute, [] as typeof parts]))
  for (const part of parts) byMinute.get(part.minute)!.push(part)
  return minutes.map((minute) => ({
    start: wallMicros(minute * MINUTE),
    aggregate: fleetOf(byMinute.get(minute)!),
  }))
}

function minuteRuns(recording: Recording, range: TimeSpan): Map<number, SeqRange[]> {
  const minutes = new Map<number, SeqRange[]>()
  for (const { seq, start } of recording.ticks) {
    if (start < range.from || start >= range.to) continue
    const minute = Math.floor(start / MINUTE)
    const runs = minutes.get(minute) ?? []
    const last = runs.at(-1)
    if (last?.to === seq) runs[runs.length - 1] = { from: last.from, to: seq + 1 }
    else runs.push({ from: seq, to: seq + 1 })
    minutes.set(minute, runs)
  }
  return minutes
}
