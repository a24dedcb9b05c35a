/** Frames as text, for pipes, tests and CI: the same bytes on every machine. */
import type { Recording } from '../../frame/model/recording.ts'
import { micros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { needsOffset } from '../../frame/time/timezone.ts'
import { leaderboard, type BoardOptions, type Leaderboard } from '../../frame/views/leaderboard.ts'
import { boardLines, type Size } from '../../render/board.ts'
import { jsonText } from '../../render/text.ts'
import { printed, type Depth } from '../../render/theme.ts'
import { MomentReader } from '../data/moment-reader.ts'
import { Stops, type Stop } from '../time/stops.ts'
import { jsonOf } from './json.ts'

export interface FrameOptions {
  readonly board: BoardOptions
  readonly size: Size
  /** IANA name */
  readonly timeZone: string
  readonly windowSeconds: number
  readonly format: 'text' | 'json'
  readonly depth: Depth
}

export interface PrintOptions extends FrameOptions {
  /** time between two printed frames; null: every tick */
  readonly step: Micros | null
  /** one moment, or every tick that begins in [from, to) */
  readonly which: { readonly at: WallMicros } | TimeSpan
}

/** Each string is a whole frame with its line ends. Frames are read one by one, so that `| head` reads only what it prints. */
export function printFrames(recording: Recording, options: PrintOptions): Iterable<string> {
  return printStops(recording, chosenStops(new Stops(recording.ticks), options), options)
}

/** What the newest tick has added: itself, and the gap before or in it. Of all ticks together they are what `printFrames` prints. */
export function printNewest(recording: Recording, options: FrameOptions): Iterable<string> {
  const { ticks } = recording
  const stops = new Stops(ticks)
  const added = new Stops(ticks.slice(-2)).count - new Stops(ticks.slice(-2, -1)).count
  const newest = Array.from({ length: added }, (_, i) => stops.at(stops.count - added + i))
  return printStops(recording, newest, options)
}

function* printStops(recording: Recording, stops: Iterable<Stop>, options: FrameOptions): Iterable<string> {
  const moments = new MomentReader(recording)
  let first = true
  for (const stop of stops) {
    const board = leaderboard(moments.at(stop, options.windowSeconds), options.board)
    if (options.format === 'json') {
      yield `${jsonText(jsonOf(board, recording.info), 0)}\n`
    } else {
      yield (first ? '' : '\n') + frameText(board, recording, options)
    }
    first = false
  }
}

/** The frame as the screen shows it, without scrubber and keys. */
function frameText(
  board: Leaderboard,
  { info }: Pick<Recording, 'info'>,
  { board: { sort, filter }, size, timeZone, depth }: FrameOptions,
): string {
  const lines = boardLines(board, {
    host: info.host,
    timeZone,
    withOffset: needsOffset({ from: info.start, to: info.end }, timeZone),
    sort,
    filter,
    size: boardSize(size),
    selected: null,
  })
  return lines.map((line) => `${printed(line, depth)}\n`).join('')
}

/** Rows of the player for the scrubber and the keys. A printed frame has as many rows less, so that it equals the rest of the screen. */
export const CHROME_ROWS = 3
export const boardSize = ({ columns, rows }: Size): Size => ({
  columns,
  rows: Math.max(4, rows - CHROME_ROWS),
})

function* chosenStops(stops: Stops, { which, step }: PrintOptions): Iterable<Stop> {
  if ('at' in which) {
    yield stops.at(stops.ofTime(which.at))
    return
  }
  let next = -Infinity
  for (let i = 0; i < stops.count; i++) {
    const stop = stops.at(i)
    if (stop.from < which.from || stop.from >= which.to) continue
    // Ticks that are nearer than a step are skipped. A gap is always printed.
    if (step !== null && stop.kind === 'tick' && stop.from < next) continue
    if (stop.kind === 'tick' && step !== null) next = stop.from + step - micros(500_000)
    yield stop
  }
}
