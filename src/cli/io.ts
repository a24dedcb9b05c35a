import type { Readable } from 'node:stream'
import { asksForAscii, cannotShowBlocks } from './charset.ts'
import type { DumpSignal, IgnoredSignals } from './ignored-signals.ts'
import { Outlet, type TextStream } from './outlet.ts'

/** What a command gets from its surroundings, so that tests run commands exactly as a terminal does. */
export interface Io extends Omit<Surroundings, 'stdout' | 'stderr'> {
  /** the result */
  readonly stdout: Outlet
  /** messages */
  readonly stderr: Outlet
  /** `--ascii`, for files; the outlets know it already */
  readonly asksForAscii: boolean
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
  /** calls back when stdout cannot be written, instead of ending the program; absent where it never ends it */
  readonly onLostReader?: (tell: (error: NodeJS.ErrnoException) => void) => void
  /** what stdout still has is not waited for at the program's end */
  readonly leaveStdout?: () => void
  /** SIGUSR2 of a recorder; absent elsewhere */
  readonly onDumpSignal?: DumpSignal
}

/** stdin stays a getter, because src/main.ts opens it only when it is used. */
export const ioOf = (given: Surroundings): Io => ({
  asksForAscii: asksForAscii(given.args),
  args: given.args,
  get stdin() {
    return given.stdin
  },
  stdout: outletOf(given.stdout, given),
  stderr: outletOf(given.stderr, given),
  env: given.env,
  now: given.now,
  signal: given.signal,
  ...(given.onIgnoredSignal && { onIgnoredSignal: given.onIgnoredSignal }),
  ...(given.onLostReader && { onLostReader: given.onLostReader }),
  ...(given.leaveStdout && { leaveStdout: given.leaveStdout }),
  ...(given.onDumpSignal && { onDumpSignal: given.onDumpSignal }),
})

const outletOf = (stream: TextStream, { args, env }: Surroundings): Outlet =>
  new Outlet(stream, asksForAscii(args) || cannotShowBlocks(stream, env))
