/**
 * Under sudo the recorder changes to the user who called sudo before it opens any file; the helper is started as root before that. If root
 * opened a file in the user's folder, the user could replace it by a link to any other file.
 */
import { spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants, userInfo } from 'node:os'
import { type Writable } from 'node:stream'
import { systemError, usageError } from '../errors.ts'

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way to declare what @types/node lacks
  namespace NodeJS {
    interface Process {
      initgroups?: (user: string | number, extraGroup: string | number) => void
    }
  }
}

export interface User {
  readonly uid: number
  readonly gid: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** The user who called sudo; null if this process is not root, or sudo did not start it, or root called sudo. @throws UserError */
export function callerOf({ SUDO_UID = '', SUDO_GID = '' }: Environment): User | null {
  if (process.getuid?.() !== 0 || SUDO_UID === '') return null
  const uid = identity('SUDO_UID', SUDO_UID)
  return uid === 0 ? null : { uid, gid: identity('SUDO_GID', SUDO_GID) }
}

/** 0xffffffff is no id: to the kernel it means "do not change". */
const MAX_ID = 0xffff_fffe

function identity(name: string, value: string): number {
  if (/^\d{1,10}$/.test(value) && Number(value) <= MAX_ID) return Number(value)
  throw usageError(
    `${name} "${value}" is not the number of a user or a group`,
    'sudo sets SUDO_UID and SUDO_GID: unset both to record as root.',
  )
}

/** Changes this process to the user. @returns false if node refuses. @throws UserError */
export function changeUser({ uid, gid }: User): boolean {
  try {
    process.initgroups?.(uid, gid)
    process.setgid?.(gid)
    process.setuid?.(uid)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw changeFailed(uid, String(error))
  }
}

/** Debian's node reads files with io_uring, whose kernel threads would stay root: then it refuses to change users (CVE-2024-22017). */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE'

const changeFailed = (uid: number, why: string): Error =>
  systemError(`could not become user "${uid}": ${why}`, 'Check SUDO_UID and SUDO_GID.')

/** An absolute path: root must not run what the user's PATH leads to. */
const SETPRIV = '/usr/bin/setpriv'

/** A command line that runs as that user, with the user's groups. */
export const asUser = (
  { uid, gid }: User,
  words: readonly string[],
): readonly [string, readonly string[]] => [
  SETPRIV,
  [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--', ...words],
]

/** A command line without the capabilities that a unit gives to the recorder, and that everything it starts would have, too. */
export function withoutRights(words: readonly [string, ...string[]]): readonly [string, readonly string[]] {
  const [file, ...rest] = words
  const hasAmbient = !/^CapAmb:\t0+$/m.test(readFileSync('/proc/self/status', 'utf8'))
  return hasAmbient ? [SETPRIV, ['--ambient-caps=-all', '--inh-caps=-all', '--', ...words]] : [file, rest]
}

/** The environment variable with the helper's process id, set if its pipes are inherited, see `INHERITED_FD`. */
export const INHERITED_HELPER = 'UPSTREAMTOP_INHERITED_HELPER'
/** The first of four descriptors: the helper's stdin, stdout and stderr, and a pipe with one line, how the helper ended. */
export const INHERITED_FD = 3

/**
 * Runs this command line again, as that user, with the helper's pipes. This process stays root, opens nothing, forwards signals and waits.
 * Nothing may have been read from the helper before. @returns the exit code @throws UserError
 */
export async function rerunAs(user: User, helper: ChildProcessWithoutNullStreams): Promise<number> {
  const ourselves = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  requireReadable(user)
  const [file, words] = asUser(user, ourselves)
  const run = spawn(file, words, {
    stdio: ['inherit', 'inherit', 'inherit', helper.stdin, helper.stdout, helper.stderr, 'pipe'],
    env: { ...process.env, [INHERITED_HELPER]: String(helper.pid) },
  })
  // The user's process must be the only one with these pipes: the helper ends when that process closes its stdin or dies.
  for (const stream of [helper.stdin, helper.stdout, helper.stderr]) stream.destroy()
  const end = run.stdio[INHERITED_FD + 3] as Writable
  end.on('error', () => undefined)
  helper.once('exit', (code, signal) => end.end(JSON.stringify({ code, signal })))
  const stopForwarding = forwardSignals(run)
  const [code, signal] = (await once(run, 'exit').finally(stopForwarding)) as [number | null, NodeJS.Signals]
  return code ?? 128 + constants.signals[signal]
}

/** For what runs as the user who called sudo: sudo has set HOME and the names to root's. */
export function environmentOfCaller(ours: Environment): Environment {
  const environment = { ...ours, [INHERITED_HELPER]: undefined }
  if (ours.SUDO_UID !== String(process.getuid?.())) return environment
  try {
    const { username, homedir } = userInfo()
    return { ...environment, HOME: homedir, USER: username, LOGNAME: username }
  } catch {
    // A user without an entry in /etc/passwd, in a container.
    return environment
  }
}

/** The user may not be able to read the program or node, for example in root's home. */
function requireReadable(user: User): void {
  const {
    execPath: node,
    argv: [, main = ''],
  } = process
  const [file, test] = asUser(user, ['/usr/bin/test', '-r', main, '-a', '-x', node])
  const { status, stderr, error } = spawnSync(file, test, { encoding: 'utf8' })
  if (error !== undefined)
    throw systemError(`"${SETPRIV}" cannot be run: ${error.message}`, 'Install util-linux.')
  if (stderr !== '') throw changeFailed(user.uid, stderr.trim())
  if (status !== 0) {
    throw systemError(
      `"${main}" or "${node}" may not be read by user "${user.uid}", who called sudo`,
      'Install both where everybody may read: make install.',
    )
  }
}

/** @returns a function that ends the forwarding */
function forwardSignals(run: ChildProcess): () => void {
  const send = (signal: NodeJS.Signals): void => void run.kill(signal)
  // Ctrl-Z suspended the user's process. This one must stop too, because sudo and the shell watch it.
  const stopToo = (): void => {
    if (isStopped(run)) process.kill(process.pid, 'SIGSTOP')
  }
  const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCONT', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT'] as const
  for (const signal of forwarded) process.on(signal, send)
  process.on('SIGCHLD', stopToo)
  return () => {
    for (const signal of forwarded) process.off(signal, send)
    process.off('SIGCHLD', stopToo)
  }
}

function isStopped({ pid = 0 }: ChildProcess): boolean {
  try {
    return /^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
