/** Prints a file that is being recorded: the newest picture, then each new one, until its recorder ends. */
import { setTimeout as pause } from 'node:timers/promises'
import { POLL_MS } from '../replay/data/source.ts'
import { printFrames, type FrameOptions } from '../replay/print/print.ts'
import type { StoredRecording } from '../store/read/reader.ts'
import type { Io } from './io.ts'
import { writePictures } from './write-result.ts'

export async function printFollowing(
  recording: StoredRecording,
  options: FrameOptions,
  io: Io,
): Promise<void> {
  let seen = (recording.ticks.at(-1)?.seq ?? 0) - 1
  let isFirst = true
  while (!io.stdout.isClosed) {
    for (const { seq, start } of recording.ticks.filter((tick) => tick.seq > seen)) {
      const between = isFirst || options.format === 'json' ? [] : ['\n']
      await writePictures(
        [...between, ...printFrames(recording, { ...options, which: { at: start }, step: null })],
        options.format,
        io,
      )
      seen = seq
      isFirst = false
    }
    // Must be checked before the refresh, so that the recorder's last ticks are not missed.
    const isOver = recording.recorder === null
    if (!recording.refresh() && isOver) return
    if (!isOver) await pause(POLL_MS)
  }
}
