/** Frames over full hours, and a recorder that goes on and forgets: for tests of exports hour by hour. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import { addMicros, wallMicros, type Micros, type WallMicros } from '../../../src/frame/model/units.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf, type TimeSpan } from '../../../src/frame/time/time.ts'
import { exportDataset, type ExportResult } from '../../../src/report/parquet/dataset.ts'
import { TABLE_FORMATS } from '../../../src/report/parquet/hour-parts.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { appendRecording, createRecording } from '../../../src/store/write/writer.ts'
import { META } from '../../store/support.ts'
import { overGrpc, sampleFrames, translated } from '../../torture/sample.ts'
import { at } from '../fake.ts'

export const HOUR = 3_600_000_000
export type Kind = keyof typeof TABLE_FORMATS

/** `secs` ticks, of which the first begins at `start`; `stride` µs from one to the next, the rest of it a gap */
export function framesFrom(start: string, secs: number, stride = 1_000_000): SecondFrame[] {
  const frames = [...overGrpc(translated(sampleFrames({ secs, rps: 20 })))]
  const first = frames[0]!.start
  return frames.map((frame, i) => {
    const move = (time: WallMicros): WallMicros =>
      addMicros(time, at(start) - first + i * (stride - 1_000_000))
    const requests = frame.requests.map((event) => ({ ...event, at: move(event.at) }))
    const gap = i === 0 || stride === 1_000_000 ? {} : { gapBefore: 'stopped' as const }
    return { ...frame, start: move(frame.start), requests, ...gap }
  })
}

/** A run of the recorder; runs are without a gap if their frames are. */
export function record(
  file: string,
  frames: readonly SecondFrame[],
  how: { readonly isNew?: boolean; readonly keep?: Micros } = {},
): void {
  const { isNew = false, ...bounds } = how
  const sink = isNew ? createRecording(file, META, bounds) : appendRecording(file, META, bounds)
  for (const frame of frames) sink.append(frame)
  sink.close()
}

export async function exported(
  file: string,
  directory: string,
  range: Partial<TimeSpan> = {},
  kind: Kind = 'Parquet',
): Promise<ExportResult> {
  const recording = openRecording(file)
  try {
    return await exportDataset([recording], {
      directory,
      format: TABLE_FORMATS[kind],
      range: { ...spanOf(recording.ticks)!, ...range },
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    })
  } finally {
    recording.close()
  }
}

export const hour = (start: string): TimeSpan => ({ from: at(start), to: wallMicros(at(start) + HOUR) })

/** A digest of each file, by its path in the folder. */
export const contents = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [
        path.slice(folder.length),
        createHash('sha256').update(readFileSync(path)).digest('hex'),
      ]),
  )
