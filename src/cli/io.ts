import type { Readable } from 'node:stream'
import { Outlet, type TextStream } from './outlet.ts'

/** The world as a command sees it, so that tests run commands exactly as the terminal does. */
export interface Io extends Omit<Surroundings, 'stdout' | 'stderr'> {
  /** the result */
  readonly stdout: Outlet
  /** talk */
  readonly stderr: Outlet
}

/** What a program is given to run in. */
export interface Surroundings {
  /** the command line without node and script */
  readonly args: readonly string[]
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: TextStream
  readonly stderr: TextStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** milliseconds since the epoch */
  readonly now: () => number
  /** aborted by SIGINT, SIGTERM or SIGHUP for whoever listens; without a listener they end the program, see signals.ts */
  readonly signal: AbortSignal
}

/** Standard input is asked for as late as it is needed: see src/main.ts. */
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
})
