/** `live --json`, `record --json`: a line on stdout for each tick and each gap, the same bytes that `replay --json` prints of the file. */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemError } from '../../errors.ts'
import { BOARD_DEFAULTS } from '../../frame/views/leaderboard.ts'
import { bytes, count } from '../../render/quantities.ts'
import { MemoryRecording } from '../../replay/data/memory.ts'
import { printNewest } from '../../replay/print/print.ts'
import type { CaptureMeta, Watcher } from '../capture.ts'
import type { Io } from '../io.ts'
import { PRINTED } from '../values/terminal.ts'
import type { ViewFlags } from '../values/view.ts'

/** Bytes that wait for a slow reader. It cannot make the recording wait: seconds that find no room are left out. */
const MOST_WAITING = 16e6
/** How long a recorder that has ended waits for its reader, ms. */
const LAST_WAIT_MS = 10_000

/** @param isRecorded the file goes on without a reader of the lines; `live` ends with it */
export function jsonLines(io: Io, meta: CaptureMeta, view: ViewFlags, isRecorded: boolean): Watcher {
  const { stdout, stderr } = io
  const memory = new MemoryRecording(
    { ...meta, file: 'live', tool: '', format: 0 },
    // The series of a line go back a minute.
    Math.max(64, view.window),
  )
  const options = {
    board: { ...BOARD_DEFAULTS, ...view },
    size: PRINTED,
    timeZone: view.tz ?? meta.timeZone,
    windowSeconds: view.window,
    format: 'json',
    depth: 'none',
  } as const
  const say = (text: string): void => stderr.line(`upstreamtop: ${text}`)
  const kept = isRecorded ? '; the recording has all' : ''
  let left = 0
  let failure: Error | null = null
  let hasEnded = false
  if (isRecorded) io.onLostReader?.((error) => (failure = lostReader(error, hasEnded, say)))
  return {
    frame: (frame) => {
      memory.append(frame)
      if (stdout.isClosed) return
      if (stdout.stream.writableLength > MOST_WAITING) {
        if (left++ === 0) say(`the reader of --json is too slow: seconds are left out${kept}`)
        return
      }
      for (const text of printNewest(memory, options)) stdout.write(text)
    },
    marker: (marker) => memory.mark(marker),
    closed: null,
    end: async () => {
      hasEnded = true
      if (isRecorded) await waitForReader(io, say)
      if (left > 0) say(`${count(left)} seconds were left out of --json${kept}`)
      if (failure !== null) throw failure
    },
  }
}

async function waitForReader({ stdout, leaveStdout }: Io, say: (text: string) => void): Promise<void> {
  const { stream } = stdout
  for (let waited = 0; stream.writableLength > 0 && !stdout.isClosed; waited += 50) {
    if (waited >= LAST_WAIT_MS) {
      say(`the reader of --json has left ${bytes(stream.writableLength)} unread; the recording has all`)
      leaveStdout?.()
      return
    }
    await sleep(50)
  }
}

/** A reader that has ended is its own affair; a full disk is a failure, when the recording is closed. */
function lostReader(
  error: NodeJS.ErrnoException,
  hasEnded: boolean,
  say: (text: string) => void,
): Error | null {
  const recording = hasEnded ? 'the recording has all' : 'the recording goes on'
  if (error.code === 'EPIPE') {
    say(`the reader of --json has gone; ${recording}`)
    return null
  }
  say(`--json ends here: ${error.message}; ${recording}`)
  return systemError(
    `the lines of --json can't be written: ${error.message}`,
    'The recording has all; replay --json prints them.',
  )
}
