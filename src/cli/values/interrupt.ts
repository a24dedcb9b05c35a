/** Long work that cleans up after itself when the user stops it. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Io } from '../io.ts'

/** @param work throws the signal's reason once it has cleaned up @throws UserError (exit 130) */
export async function untilInterrupted<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const listener = (): void =>
    stop.abort(new UserError(ExitCode.interrupted, 'interrupted; nothing was written'))
  if (io.signal.aborted) listener()
  io.signal.addEventListener('abort', listener)
  try {
    return await work(stop.signal)
  } finally {
    io.signal.removeEventListener('abort', listener)
  }
}
