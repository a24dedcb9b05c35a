/** Plays the recording of a file on a terminal, for `replay`. */
import { accessSync, constants } from 'node:fs'
import { ExitCode, UserError } from '../errors.ts'
import type { Recording } from '../frame/model/recording.ts'
import { wallMicros, type Micros, type WallMicros } from '../frame/model/units.ts'
import type { TimeSpan } from '../frame/time/time.ts'
import { lacksOf } from '../render/tls-text.ts'
import { POLL_MS, polled, afterFirstPicture, within, type Mark } from '../replay/data/source.ts'
import { play } from '../replay/player/player.ts'
import type { Terminal } from '../replay/terminal/screen.ts'
import { markRecording } from '../store/write/mark.ts'
import { frameCommand } from './frame-command.ts'
import type { Io } from './io.ts'
import { keepHeapSmall } from './small-heap.ts'
import type { ViewFlags } from './values/view.ts'

export interface PlayFileOptions extends ViewFlags {
  readonly at: WallMicros | null
  readonly range: TimeSpan | null
  readonly timeZone: string
  readonly speed: number
  readonly follow?: boolean
  readonly loop?: boolean
  readonly idleLimit?: Micros
}

const EVERYTHING = { from: null, to: null }

export async function playFile(
  file: string,
  recording: Recording,
  terminal: Terminal,
  options: PlayFileOptions,
  io: Io,
): Promise<void> {
  keepHeapSmall()
  const following = options.follow === true
  // Only the ticks around the first picture have been read, see commands/replay.ts.
  const isPart = !following && options.range === null
  await play(within(recording, options.range ?? EVERYTHING), terminal, {
    board: options,
    sort: options.sort,
    filter: options.filter,
    windowSeconds: options.window,
    timeZone: options.timeZone,
    begin: options.at !== null ? { at: options.at } : following ? 'live' : 'start',
    playing: options.at === null && !following,
    speed: options.speed,
    loop: options.loop === true,
    idleLimit: options.idleLimit ?? null,
    growth: following ? polled(POLL_MS) : isPart ? afterFirstPicture : null,
    isLive: following,
    leaving: null,
    mark: markOf(file),
    command: file === '-' ? null : (frame) => frameCommand(file, frame, options, options.timeZone),
    now: () => wallMicros(io.now() * 1000),
    signal: io.signal,
    empty: following ? 'waiting for the first second of this recording' : 'this recording has no ticks',
    notice: noticeOf(recording),
  })
  if (io.signal.aborted) throw new UserError(ExitCode.interrupted, 'stopped')
}

/** What is damaged comes first: it is about the figures that are shown. */
function noticeOf({ damage, info }: Recording): string | null {
  const words = damage[0] === undefined ? lacksOf(info) : [damage[0]]
  return words.length === 0 ? null : words.join('; ')
}

/** null if the file cannot be written: standard input, a gzip file, a file of another user. */
function markOf(file: string): Mark | null {
  if (file === '-' || file.endsWith('.gz')) return null
  try {
    accessSync(file, constants.W_OK)
  } catch {
    return null
  }
  return (marker) => markRecording(file, marker)
}
