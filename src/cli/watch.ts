/** The output while capturing: a screen on a terminal; without one, pictures (live) or a line every ten ticks (record). */
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import { wallMicros } from '../frame/model/units.ts'
import { failureCount } from '../frame/expression/measure.ts'
import { ofFrame } from '../frame/sum/merge.ts'
import { failedConnects } from '../frame/sum/sums.generated.ts'
import { isoLocal } from '../frame/time/timezone.ts'
import { figures } from '../frame/views/figures.ts'
import { BOARD_DEFAULTS } from '../frame/views/leaderboard.ts'
import { count, plural, rate } from '../render/quantities.ts'
import { lacksOf } from '../render/tls-text.ts'
import { MemoryRecording } from '../replay/data/memory.ts'
import { play } from '../replay/player/player.ts'
import { printFrames } from '../replay/print/print.ts'
import type { Terminal } from '../replay/terminal/screen.ts'
import type { CaptureMeta, Watcher } from './capture.ts'
import { frameCommand } from './frame-command.ts'
import type { Io } from './io.ts'
import { keepLiveCheap } from './small-heap.ts'
import { depthOf, sizeOf, terminalOf } from './values/terminal.ts'
import type { ViewFlags } from './values/view.ts'

/** The file that is being recorded. */
export interface RecordedFile {
  readonly file: string
  readonly mark: (marker: Marker) => void
  /** where warnings go while there is a screen; null: to stderr again */
  readonly divert: (warn: ((text: string) => void) | null) => void
  /** no screen and no lines of progress */
  readonly quiet: boolean
}

/**
 * Without a terminal: a picture per tick on stdout, or, if a file is recorded, a line every ten ticks on stderr. With `--quiet`, on a
 * terminal, too: only what happens (a clock step, a suspend, lines that were skipped), and the end.
 * @param stop ends the capture when the user has left the screen
 */
export function watch(
  io: Io,
  meta: CaptureMeta,
  view: ViewFlags,
  recorded: RecordedFile | null,
  stop: () => void,
): Watcher {
  if (recorded?.quiet === true) return asLines(io, meta, Infinity)
  const terminal = terminalOf(io, view.plain)
  if (terminal !== null) return onScreen(io, meta, view, recorded, terminal, stop)
  return recorded === null ? asPictures(io, meta, view) : asLines(io, meta, LINE_EVERY)
}

function onScreen(
  io: Io,
  meta: CaptureMeta,
  view: ViewFlags,
  recorded: RecordedFile | null,
  terminal: Terminal,
  stop: () => void,
): Watcher {
  keepLiveCheap()
  const memory = memoryOf(meta)
  const timeZone = view.tz ?? meta.timeZone
  const ended = new AbortController()
  const leave = (): void => ended.abort()
  // The screen must be left before the helper's last messages arrive: the next signal may end this process.
  io.signal.addEventListener('abort', leave)
  recorded?.divert((text) => memory.mark({ at: wallMicros(io.now() * 1000), kind: 'note', text }))
  const closed = play(memory, terminal, {
    board: view,
    sort: view.sort,
    filter: view.filter,
    windowSeconds: view.window,
    timeZone,
    begin: 'live',
    isLive: true,
    playing: false,
    speed: 1,
    loop: false,
    idleLimit: null,
    growth: (listener) => {
      memory.onGrowth(listener)
      return () => memory.onGrowth(null)
    },
    leaving: recorded === null ? null : 'q again, or y, ends the recording; any other key goes on',
    mark: (marker) => {
      recorded?.mark(marker)
      memory.mark(marker)
    },
    command: recorded && ((frame) => frameCommand(recorded.file, frame, view, timeZone)),
    now: () => wallMicros(io.now() * 1000),
    signal: ended.signal,
    empty: 'waiting for the first second',
    notice: lacksOf(meta).join('; ') || null,
  }).finally(() => {
    recorded?.divert(null)
    io.signal.removeEventListener('abort', leave)
    stop()
  })
  // A failure is reported when the capture has ended. Until then it must not count as an unhandled rejection.
  closed.catch(() => undefined)
  return { ...tapsOf(memory), closed, end: leave }
}

function asPictures(io: Io, meta: CaptureMeta, view: ViewFlags): Watcher {
  const memory = memoryOf(meta, Math.max(64, view.window))
  const options = {
    board: { ...BOARD_DEFAULTS, ...view },
    size: view.size ?? sizeOf(io),
    timeZone: view.tz ?? meta.timeZone,
    windowSeconds: view.window,
    step: null,
    format: 'text',
    depth: io.stdout.isTTY ? depthOf(io.env, view.plain ?? false) : 'none',
  } as const
  const frame = (tick: SecondFrame): void => {
    memory.append(tick)
    for (const text of printFrames(memory, { ...options, which: { at: tick.start } }))
      io.stdout.painted(`${text}\n`)
  }
  return { frame, marker: (marker) => memory.mark(marker), closed: null, end: () => undefined }
}

/** Ticks per line: they show that it is running, and do not fill a log. */
const LINE_EVERY = 10

/** @param every ticks per line */
function asLines(io: Io, meta: CaptureMeta, every: number): Watcher {
  let ticks = 0
  let requests = 0
  let failures = 0
  const say = (text: string): void => io.stderr.line(text)
  return {
    frame: (frame) => {
      for (const row of frame.traffic) {
        requests += row.requests
        failures += failureCount(row)
      }
      for (const row of frame.connections) failures += failedConnects(row)
      if (++ticks % every !== 0) return
      // A capture is read at hundreds of ticks per second: the whole sum is for those that are shown.
      const { totals, length, backends } = ofFrame(frame)
      const now = figures(totals, length)
      const rates = `${rate(now.rps)} req/s, ${plural(backends.length, 'backend')}, ${now.inFlight} in flight`
      say(`${isoLocal(frame.start, meta.timeZone)}  ${rates}, ${count(failures)} failures so far`)
    },
    marker: ({ text }) => say(text),
    closed: null,
    end: () =>
      say(`${plural(requests, 'request')} in ${plural(ticks, 'tick')}, ${plural(failures, 'failure')}`),
  }
}

const memoryOf = (meta: CaptureMeta, limit?: number): MemoryRecording =>
  new MemoryRecording({ ...meta, file: 'live', tool: '', format: 0 }, limit)

const tapsOf = (
  memory: MemoryRecording,
): { frame: (f: SecondFrame) => void; marker: (m: Marker) => void } => ({
  frame: (frame) => memory.append(frame),
  marker: (marker) => memory.mark(marker),
})
