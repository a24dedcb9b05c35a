/** The player: one recording, one terminal, until someone leaves. Whether its frames are live it does not know. */
import type { BoardOptions } from '../frame/leaderboard.ts'
import type { Recording } from '../frame/recording.ts'
import type { Sort } from '../frame/ranking.ts'
import type { Micros, WallMicros } from '../frame/units.ts'
import { listenToKeys } from './keyboard.ts'
import { Screen, type Terminal } from './screen.ts'
import { Session } from './session.ts'
import type { Growth, Mark } from './source.ts'

export interface PlayOptions {
  readonly board: Pick<BoardOptions, 'backends' | 'routes'>
  readonly sort: Sort
  readonly filter: string
  readonly windowSeconds: number
  /** IANA name */
  readonly timeZone: string
  /** the first thing to be seen; 'live' stays on the newest tick */
  readonly begin: 'start' | 'live' | { readonly at: WallMicros }
  readonly playing: boolean
  readonly speed: number
  readonly loop: boolean
  readonly idleLimit: Micros | null
  /** tells of new ticks; null when there will be none */
  readonly growth: Growth | null
  /** what grows is being recorded now: there is a live to go back to */
  readonly isLive: boolean
  /** null where no marker can be set */
  readonly mark: Mark | null
  /** the command line that shows this very frame; null where there is no file */
  readonly command: ((frame: FrameAddress) => string) | null
  /** µs since 1970, for `10m ago` */
  readonly now: () => WallMicros
  /** ends the play: a signal, or the end of what arrives */
  readonly signal: AbortSignal
  /** said instead of a screen as long as there is no tick */
  readonly empty: string
  /** said at first: what was repaired to open the recording */
  readonly notice: string | null
}

/** What a command line needs to show a frame again. */
export interface FrameAddress {
  readonly at: WallMicros
  readonly sort: Sort
  readonly filter: string
  readonly windowSeconds: number
  readonly columns: number
  readonly rows: number
}

/** Resolves when the user leaves, the signal comes or the terminal goes; the terminal is as it was before. */
export async function play(recording: Recording, terminal: Terminal, options: PlayOptions): Promise<void> {
  const screen = new Screen(terminal)
  const session = new Session(recording, screen, options)
  const { promise: left, resolve: leave } = withResolvers()
  const crashed = (): void => screen.close()
  const suspend = (): void => {
    screen.close()
    process.off('SIGTSTP', suspend)
    // Stops here, and returns when the shell continues us.
    process.kill(process.pid, 'SIGTSTP')
    process.on('SIGTSTP', suspend)
  }
  const continued = (): void => {
    screen.close()
    screen.open()
    session.draw()
  }
  const resized = (): void => {
    screen.forget()
    session.draw()
  }
  process.on('uncaughtExceptionMonitor', crashed)
  process.on('exit', crashed)
  process.on('SIGTSTP', suspend)
  process.on('SIGCONT', continued)
  terminal.output.on('resize', resized)
  options.signal.addEventListener('abort', leave)
  screen.open()
  const stopListening = listenToKeys(
    terminal,
    (keys) => {
      const wish = session.press(keys)
      if (wish === 'quit') leave()
      if (wish === 'suspend') suspend()
    },
    leave,
  )
  try {
    session.start()
    if (!options.signal.aborted) await Promise.race([left, session.failed])
  } finally {
    session.end()
    stopListening()
    screen.close()
    terminal.release?.()
    options.signal.removeEventListener('abort', leave)
    terminal.output.off('resize', resized)
    process.off('SIGCONT', continued)
    process.off('SIGTSTP', suspend)
    process.off('exit', crashed)
    process.off('uncaughtExceptionMonitor', crashed)
  }
  if (session.lastCommand !== null) terminal.output.write(`${session.lastCommand}\n`)
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
