/**
 * The privileged helper as a child process. When its stdin, the lifeline, is closed, it ends cleanly. It does the same on SIGINT and
 * SIGTERM, which a terminal sends to the helper too. Before the programs are attached, each of the three ends it at once, with the exit
 * code of an interruption.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Delegated, ExitCode, systemError, UserError } from '../errors.ts'
import { asUser, callerOf, changeUser, INHERITED_FD, INHERITED_HELPER, rerunAs, type User } from './caller.ts'
import type { Labels } from './decoder.ts'
import type { CaptureFileOptions } from './pcap/reading.ts'
import { HELPER_PATH, WITHOUT_HELPER } from './helper-file.ts'
import { askLauncher, isLaunched } from './launched.ts'
import { linesOf } from './lines.ts'

/** The options of a capture, named as on the command line. */
export interface CaptureOptions {
  readonly iface: readonly string[]
  /** null: tcx where the kernel has it */
  readonly attach: 'tcx' | 'cgroup' | null
  /** a path below the root of cgroup2 */
  readonly cgroup: string | null
  readonly ignore: string | null
  readonly only: string | null
  /** only connections that an nginx has opened */
  readonly nginxOnly: boolean
  /** read within TLS where probes are cheap (true), or wherever it can be; absent: nowhere */
  readonly tls?: true | 'force' | undefined
  readonly routesAs: 'template' | 'raw'
  /** rows of the request ring kept per tick */
  readonly requests: number
  /** labels by address (`--name`) */
  readonly names: Labels
  /** a shell command that replaces the helper and writes the same lines */
  readonly probe: string | null
  /** a capture that is read instead of the kernel's packets; absent: none */
  readonly pcap?: CaptureFileOptions | undefined
}

export interface Helper {
  readonly lines: AsyncIterable<string>
  /** asks the helper to write its last dump and to end; `lines` ends after that */
  stop(): void
  /** resolves when the process has ended; rejects with its error message if it failed */
  readonly ended: Promise<HelperEnd>
}

/** `cut short`: a `--probe` command that ran on after its stdin was closed was ended by a signal. There is no last dump; it is no failure. */
export type HelperEnd = 'by itself' | 'cut short'

/** The pipes to the helper, whether this process started it or inherited them. */
interface Streams {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  readonly pid: number | undefined
  /** resolves when the helper has ended and its output is complete; rejects when it did not start */
  readonly ended: Promise<End>
}

interface End {
  readonly code: number | null
  readonly signal: string | null
}

/** Starts the helper as the current user, or a `--probe` command as the user who called sudo. */
export const startHelper = (options: CaptureOptions, env: NodeJS.ProcessEnv): Helper =>
  helperOf(options, childStreams(spawnHelper(options, callerOf(env))))

/**
 * The same for commands that write files: afterwards this process runs as the user who called sudo. Where node cannot change users, a
 * second process runs as that user and does all the work. @throws Delegated when that process has ended
 */
export async function startHelperAsCaller(options: CaptureOptions, env: NodeJS.ProcessEnv): Promise<Helper> {
  const inherited = inheritedStreams(env)
  if (inherited !== null) return helperOf(options, inherited)
  if (isLaunched(env) && options.probe === null) {
    const watched = askLauncher(helperArguments(options))
    const helper = helperOf(options, pipesFrom(undefined))
    return { ...helper, lines: watched(helper.lines) }
  }
  const caller = callerOf(env)
  const child = spawnHelper(options, caller)
  if (caller === null || child.pid === undefined) return helperOf(options, childStreams(child))
  try {
    if (changeUser(caller)) return helperOf(options, childStreams(child))
    throw new Delegated(await rerunAs(caller, child))
  } catch (error) {
    child.stdin.destroy()
    throw error
  }
}

/** The helper's environment is empty, so that the user cannot influence a privileged program by it. */
function spawnHelper(
  { probe, ...options }: CaptureOptions,
  caller: User | null,
): ChildProcessWithoutNullStreams {
  if (probe === null) return spawn(HELPER_PATH, helperArguments(options), { stdio: 'pipe', env: {} })
  const shell = ['/bin/sh', '-c', probe] as const
  const [file, words] = caller === null ? ([shell[0], shell.slice(1)] as const) : asUser(caller, shell)
  // In its own process group, so that a whole pipeline can be ended.
  return spawn(file, words, { stdio: 'pipe', detached: true })
}

function childStreams(child: ChildProcessWithoutNullStreams): Streams {
  const ended = new Promise<End>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, pid: child.pid, ended }
}

/** The streams of a helper that the root process started, see caller.ts. */
function inheritedStreams(env: NodeJS.ProcessEnv): Streams | null {
  const pid = env[INHERITED_HELPER]
  return pid === undefined ? null : pipesFrom(Number(pid))
}

function pipesFrom(pid: number | undefined): Streams {
  const [stdin, stdout, stderr, last] = [0, 1, 2, 3].map((i) => new Socket({ fd: INHERITED_FD + i })) as [
    Socket,
    Socket,
    Socket,
    Socket,
  ]
  return { stdin, stdout, stderr, pid, ended: inheritedEnd(last, stderr) }
}

/** How the helper ended. Unknown if the root process, which waits for it, ended first. */
async function inheritedEnd(last: Socket, stderr: Readable): Promise<End> {
  const closed = once(stderr, 'close')
  const line = await text(last).catch(() => '')
  await closed
  return line === '' ? { code: null, signal: null } : (JSON.parse(line) as End)
}

/** Time from closing the stdin of a `--probe` command to SIGTERM: it writes its last dump meanwhile, perhaps from another host. */
const SIGTERM_MS = 1000
/** The same to SIGKILL. */
const SIGKILL_MS = 3000

function helperOf({ probe }: CaptureOptions, streams: Streams): Helper {
  const { stdin, stdout, stderr, pid } = streams
  let [stopped, isOver, wasKilled] = [false, false, false]
  const cut = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    if (isOver || pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The command has already ended.
    }
  }
  const kill = (): void => {
    wasKilled = !isOver
    cut('SIGKILL')
    // A process that left the group may keep them open.
    stdout.destroy()
    stderr.destroy()
  }
  const cutLater = (): void => {
    setTimeout(() => cut('SIGTERM'), SIGTERM_MS).unref()
    setTimeout(kill, SIGKILL_MS).unref()
  }
  streams.ended.then(() => (isOver = true)).catch(() => undefined)
  // If the helper is gone already, EPIPE must not end the recorder.
  stdin.on('error', () => undefined)
  // Node throws away what a child that has ended left unread, unless somebody listens: `lines` is read a little later.
  stdout.on('readable', () => undefined)
  return {
    lines: linesOf(stdout),
    stop: () => {
      if (!stopped && probe !== null) cutLater()
      stopped = true
      stdin.end()
    },
    ended: ended(
      streams,
      probe ?? HELPER_PATH,
      (signal) => stopped && probe !== null && (signal === 'SIGTERM' || wasKilled),
    ),
  }
}

export function helperArguments(options: Omit<CaptureOptions, 'probe' | 'names' | 'pcap'>): string[] {
  return [
    ...options.iface.flatMap((name) => ['--iface', name]),
    ...(options.attach === null ? [] : ['--attach', options.attach]),
    ...(options.cgroup === null ? [] : ['--cgroup', options.cgroup]),
    ...(options.ignore === null ? [] : ['--ignore', options.ignore]),
    ...(options.only === null ? [] : ['--only', options.only]),
    ...(options.nginxOnly ? ['--nginx-only'] : []),
    ...(options.tls === undefined ? [] : [options.tls === 'force' ? '--tls=force' : '--tls']),
    ...['--routes-as', options.routesAs, '--requests', String(options.requests)],
  ]
}

/** Characters of stderr that are kept: more than the helper's longest message. */
const MAX_STDERR = 16_384

function ended(
  streams: Streams,
  name: string,
  wasCut: (signal: string | null) => boolean,
): Promise<HelperEnd> {
  let messages = ''
  streams.stderr.setEncoding('utf8').on('data', (part: string) => {
    messages = (messages + part).slice(-MAX_STDERR)
  })
  const promise = streams.ended.then(
    ({ code, signal }): HelperEnd => {
      if (code === 0) return 'by itself'
      if (wasCut(signal)) return 'cut short'
      throw failed(name, code, signal, messages.trim())
    },
    (error: unknown) => {
      throw notStarted(name, error)
    },
  )
  // The caller awaits this only after the last line; until then node must not report an unhandled rejection.
  promise.catch(() => undefined)
  return promise
}

function notStarted(command: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
      return systemError(WITHOUT_HELPER.what, WITHOUT_HELPER.remedy)
    case 'EACCES':
    case 'EPERM':
      return systemError(
        `may not run the helper "${command}": ${message}`,
        "run with sudo, or join the group: 'sudo usermod -aG upstreamtop $USER', then log in again",
      )
    default:
      return systemError(`the helper "${command}" did not start: ${message}`)
  }
}

function failed(command: string, code: number | null, signal: string | null, messages: string): UserError {
  if (code === null) {
    return systemError(
      `the helper "${command}" was killed by ${signal ?? 'a signal'}; its programs are detached`,
      'what was recorded until then is kept; record --append goes on with it',
    )
  }
  if (code === ExitCode.interrupted)
    return new UserError(code, `the helper "${command}" was stopped`, 'nothing stays attached')
  const [message = '', ...details] = messages.split('\n').map((line) => line.trim())
  const words = message === '' ? `the helper "${command}" ended with exit code "${code}"` : message
  return new UserError(code === ExitCode.usage ? ExitCode.usage : ExitCode.system, words, undefined, details)
}
