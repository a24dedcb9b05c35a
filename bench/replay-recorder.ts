/** A recorder in this process with one tick per second in real time, while `beside` uses its file. */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Recording } from '../src/frame/model/recording.ts'
import { micros, wallMicros } from '../src/frame/model/units.ts'
import { openRecording } from '../src/store/read/reader.ts'
import { createRecording } from '../src/store/write/writer.ts'

export interface Recorded {
  /** how long each append took, ms */
  readonly commits: readonly number[]
  readonly ticks: number
  readonly missing: number
}

/** @param source its frames are recorded with the current time */
export async function recordBeside(
  file: string,
  source: Recording,
  seconds: number,
  beside: (file: string) => Promise<void>,
): Promise<Recorded> {
  const { kernel, timeZone } = source.info
  const writer = createRecording(file, { host: hostname(), timeZone, kernel, arguments: [], interfaces: [] })
  const commits: number[] = []
  let running: Promise<void> | null = null
  for (let seq = 0; seq < seconds; seq++) {
    const frame = source.frame(source.ticks[seq]!.seq)!
    const start = performance.now()
    writer.append({
      ...frame,
      seq,
      start: wallMicros((Date.now() - 1000) * 1000),
      length: micros(1_000_000),
      gapBefore: null,
    })
    commits.push(performance.now() - start)
    running ??= beside(file)
    await sleep(1000 - (performance.now() - start))
  }
  await running
  writer.close()
  const recorded = openRecording(file)
  const { length } = recorded.ticks
  recorded.close()
  return { commits, ticks: length, missing: seconds - length }
}
