/** The privileged helper as a child process. Its stdin is the leash: closing it is the only way to end it. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ExitCode, systemError, UserError } from '../errors.ts'
import { PACKAGE } from '../place.ts'
import { linesOf } from './lines.ts'

/** What to capture, in the words of the command line. */
export interface CaptureOptions {
  readonly iface: readonly string[]
  readonly ignore: string | null
  readonly only: string | null
  readonly routesAs: 'template' | 'raw'
  /** rows of the request ring kept a tick */
  readonly requests: number
  /** a shell command that speaks the wire instead of the helper */
  readonly probe: string | null
}

export interface Probe {
  readonly lines: AsyncIterable<string>
  /** asks for the last dump and the end; the lines end when it is through */
  stop(): void
  /** resolves when the process has ended; rejects with what it said if it failed */
  readonly ended: Promise<ProbeEnd>
}

/** A `--probe` command that goes on although its stdin is closed is cut short: it has no last dump, and that is no failure. */
export type ProbeEnd = 'by itself' | 'cut short'

export const HELPER = fileURLToPath(new URL('build/upstreamtop-probe', PACKAGE))

/** Starts the helper; under sudo this must come before the process gives up root. */
export const startProbe = (options: CaptureOptions): Probe =>
  options.probe === null
    ? probeOf(
        spawn(HELPER, helperArguments(options), { stdio: 'pipe' }),
        HELPER,
        () => undefined,
        () => false,
      )
    : commandProbe(options.probe)

/** How long a command may go on after its stdin was closed. */
const GRACE_MS = 300
/** And until it is not asked any more. */
const KILL_MS = 3000

function commandProbe(command: string): Probe {
  // A process group of its own, so that all of a pipeline can be ended, its shell gone or not.
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'pipe', detached: true })
  let [isOver, wasKilled] = [false, false]
  child.once('close', () => (isOver = true))
  const cut = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    if (isOver || child.pid === undefined) return
    try {
      process.kill(-child.pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
  const cutForGood = (): void => {
    wasKilled = !isOver
    cut('SIGKILL')
    // Whoever left the group may hold on to them.
    child.stdout.destroy()
    child.stderr.destroy()
  }
  const cutLater = (): void => {
    setTimeout(() => cut('SIGTERM'), GRACE_MS).unref()
    setTimeout(cutForGood, KILL_MS).unref()
  }
  return probeOf(child, command, cutLater, () => wasKilled)
}

/** @param wasCut whether we ended it ourselves */
function probeOf(
  child: ChildProcessWithoutNullStreams,
  name: string,
  afterStop: () => void,
  wasCut: () => boolean,
): Probe {
  let stopped = false
  // A helper that is gone already must not end the recorder with EPIPE.
  child.stdin.on('error', () => undefined)
  return {
    lines: linesOf(child.stdout),
    stop: () => {
      if (!stopped) afterStop()
      stopped = true
      child.stdin.end()
    },
    ended: ended(child, name, (signal) => stopped && (signal === 'SIGTERM' || wasCut())),
  }
}

export function helperArguments(options: CaptureOptions): string[] {
  return [
    ...options.iface.flatMap((name) => ['--iface', name]),
    ...(options.ignore === null ? [] : ['--ignore', options.ignore]),
    ...(options.only === null ? [] : ['--only', options.only]),
    ...['--routes-as', options.routesAs, '--requests', String(options.requests)],
  ]
}

/** Enough of the helper's words for any message of its own. */
const MAX_TALK = 16_384

function ended(
  child: ChildProcessWithoutNullStreams,
  name: string,
  wasCut: (signal: string | null) => boolean,
): Promise<ProbeEnd> {
  let talk = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    talk = (talk + text).slice(-MAX_TALK)
  })
  const promise = new Promise<ProbeEnd>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(notStarted(name, error)))
    child.once('close', (code, signal) => {
      if (code === 0) resolve('by itself')
      else if (wasCut(signal)) resolve('cut short')
      else reject(failed(name, code, signal, talk.trim()))
    })
  })
  // Whoever reads the lines asks for the reason afterwards; until then a rejection is not unhandled.
  promise.catch(() => undefined)
  return promise
}

function notStarted(command: string, error: NodeJS.ErrnoException): UserError {
  switch (error.code) {
    case 'ENOENT':
      return systemError(`the helper "${command}" is not built`, "run 'make build'")
    case 'EACCES':
    case 'EPERM':
      return systemError(
        `may not run the helper "${command}": ${error.message}`,
        "run with sudo, or join the group: 'sudo usermod -aG upstreamtop $USER', then log in again",
      )
    default:
      return systemError(`the helper "${command}" did not start: ${error.message}`)
  }
}

function failed(command: string, code: number | null, signal: string | null, talk: string): UserError {
  if (code === null) {
    return systemError(
      `the helper "${command}" was killed by ${signal ?? 'a signal'}; its programs are detached`,
      'everything up to the last tick is kept; start the recording again with --append',
    )
  }
  const message = talk === '' ? `the helper "${command}" ended with exit code "${code}"` : talk
  return new UserError(code === ExitCode.usage ? ExitCode.usage : ExitCode.system, message)
}
