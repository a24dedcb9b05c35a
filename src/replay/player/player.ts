/** Plays one recording on one terminal until the user leaves. Live and recorded frames are handled alike. */
import type { Recording } from '../../frame/model/recording.ts'
import { listenToKeys } from '../terminal/keyboard.ts'
import { Screen, type Terminal } from '../terminal/screen.ts'
import type { PlayOptions } from './options.ts'
import { Session } from './session.ts'

/** Resolves when the user leaves, the signal is aborted or the terminal is closed. The terminal is restored then. */
export async function play(recording: Recording, terminal: Terminal, options: PlayOptions): Promise<void> {
  const screen = new Screen(terminal)
  const session = new Session(recording, screen, options)
  const { promise: left, resolve: leave } = withResolvers()
  const crashed = (): void => screen.close()
  const suspend = (): void => {
    screen.close()
    process.off('SIGTSTP', suspend)
    // The process stops here; the call returns when the shell continues it.
    process.kill(process.pid, 'SIGTSTP')
    process.on('SIGTSTP', suspend)
  }
  const continued = (): void => {
    screen.close()
    screen.open()
    session.draw()
  }
  const resized = (): void => {
    screen.invalidate()
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
    (presses) => {
      const request = session.press(presses)
      if (request === 'quit') leave()
      if (request === 'suspend') suspend()
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
    if (session.lastCommand !== null) screen.leave(session.lastCommand)
    terminal.release?.()
    options.signal.removeEventListener('abort', leave)
    terminal.output.off('resize', resized)
    process.off('SIGCONT', continued)
    process.off('SIGTSTP', suspend)
    process.off('exit', crashed)
    process.off('uncaughtExceptionMonitor', crashed)
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
