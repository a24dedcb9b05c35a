import type { Readable, Writable } from 'node:stream'

/** The world as a command sees it, so that tests run commands exactly as the terminal does. */
export interface Io {
  /** the command line without node and script */
  readonly args: readonly string[]
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** the result */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }
  /** talk */
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** milliseconds since the epoch */
  readonly now: () => number
  /** aborted by SIGINT, SIGTERM or SIGHUP for whoever listens; without a listener the program ends with 130 */
  readonly signal: AbortSignal
}
