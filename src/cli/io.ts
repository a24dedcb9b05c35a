import type { Readable } from 'node:stream'
import type { IgnoredSignals } from './ignored-signals.ts'
import { Outlet, type TextStream } from './outlet.ts'

/** What a command gets from its surroundings, so that tests run commands exactly as a terminal does. */
export interface Io extends Omit<Surroundings, 'stdout' | 'stderr'> {
  /** the result */
  readonly stdout: Outlet
  /** messages */
  readonly stderr: Outlet
}

/** What src/main.ts, or a test, gives to the program. */
export interface Surroundings {
  /** the command line without node and script */
  readonly args: readonly string[]
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: TextStream
  readonly stderr: TextStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** milliseconds since the epoch */
  readonly now: () => number
  /** aborted by SIGINT, SIGTERM or SIGHUP if it has a listener; without one these signals end the program, see signals.ts */
  readonly signal: AbortSignal
  /** signals that came and are ignored; absent where none is */
  readonly onIgnoredSignal?: IgnoredSignals
}

/** stdin stays a getter, because src/main.ts opens it only when it is used. */
export const ioOf = (given: Surroundings): Io => ({
  args: given.args,
  get stdin() {
    return given.stdin
  },
  stdout: new Outlet(given.stdout),
  stderr: new Outlet(given.stderr),
  env: given.env,
  now: given.now,
  signal: given.signal,
  ...(given.onIgnoredSignal && { onIgnoredSignal: given.onIgnoredSignal }),
})
