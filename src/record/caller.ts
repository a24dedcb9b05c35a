/**
 * Under sudo the recorder becomes the user who called sudo before it opens any file; the helper is started as root before that. If root
 * opened a file in the user's folder, the user could replace it by a link to any other file.
 */
import { spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { type Writable } from 'node:stream'
import { systemError, usageError } from '../errors.ts'

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way to name what @types/node leaves out
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

/** Who called sudo; null where we are that user already, or root of our own. @throws UserError */
export function callerOf({ SUDO_UID = '', SUDO_GID = '' }: Environment): User | null {
  if (process.getuid?.() !== 0 || SUDO_UID === '') return null
  const uid = identity('SUDO_UID', SUDO_UID)
  return uid === 0 ? null : { uid, gid: identity('SUDO_GID', SUDO_GID) }
}

/** The last number is none: to the kernel it means "leave it as it is". */
const MOST = 0xffff_fffe

function identity(name: string, value: string): number {
  if (/^\d{1,10}$/.test(value) && Number(value) <= MOST) return Number(value)
  throw usageError(
    `${name} "${value}" is not the number of a user or a group`,
    'sudo sets SUDO_UID and SUDO_GID: unset both to record as root.',
  )
}

/** @returns false where node refuses. @throws UserError */
export function become({ uid, gid }: User): boolean {
  try {
    process.initgroups?.(uid, gid)
    process.setgid?.(gid)
    process.setuid?.(uid)
    return true
  } catch (error) {
    if (refusesToChange(error)) return false
    throw notHim(uid, String(error))
  }
}

/** Debian's node reads files by io_uring, whose kernel threads would stay root: it then changes users no more (CVE-2024-22017). */
const refusesToChange = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE'

const notHim = (uid: number, why: string): Error =>
  systemError(`could not become user "${uid}": ${why}`, 'Check SUDO_UID and SUDO_GID.')

/** By its full name: what a PATH leads to is not for root to run. */
const SETPRIV = '/usr/bin/setpriv'

/** A command line that runs as that user, with his groups. */
export const asUser = (
  { uid, gid }: User,
  words: readonly string[],
): readonly [string, readonly string[]] => [
  SETPRIV,
  [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--', ...words],
]

/** In it: the process of the helper, whose pipes are open already, see `HANDED_FROM`. */
export const HANDED = 'UPSTREAMTOP_HANDED_HELPER'
/** The first of four descriptors: the helper's stdin, stdout and stderr, and a line that says how it ended. */
export const HANDED_FROM = 3

/**
 * This command line once more, as that user, with the helper's pipes; this process, which stays root, opens nothing, passes
 * signals on and waits. Until it is called nothing may have been read from the helper. @returns the exit code @throws UserError
 */
export async function rerunAs(user: User, helper: ChildProcessWithoutNullStreams): Promise<number> {
  const ourselves = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  requireReadable(user)
  const [file, words] = asUser(user, ourselves)
  const run = spawn(file, words, {
    stdio: ['inherit', 'inherit', 'inherit', helper.stdin, helper.stdout, helper.stderr, 'pipe'],
    env: { ...process.env, [HANDED]: String(helper.pid) },
  })
  // They are his alone now: the helper ends when he closes its stdin, or dies.
  for (const stream of [helper.stdin, helper.stdout, helper.stderr]) stream.destroy()
  const end = run.stdio[HANDED_FROM + 3] as Writable
  end.on('error', () => undefined)
  helper.once('exit', (code, signal) => end.end(JSON.stringify({ code, signal })))
  const stopFollowing = follow(run)
  const [code, signal] = (await once(run, 'exit').finally(stopFollowing)) as [number | null, NodeJS.Signals]
  return code ?? 128 + constants.signals[signal]
}

/** As that user: a clone in root's home, a node in root's home. */
function requireReadable(user: User): void {
  const {
    execPath: node,
    argv: [, main = ''],
  } = process
  const [file, test] = asUser(user, ['/usr/bin/test', '-r', main, '-a', '-x', node])
  const { status, stderr, error } = spawnSync(file, test, { encoding: 'utf8' })
  if (error !== undefined)
    throw systemError(`"${SETPRIV}" cannot be run: ${error.message}`, 'Install util-linux.')
  if (stderr !== '') throw notHim(user.uid, stderr.trim())
  if (status !== 0) {
    throw systemError(
      `"${main}" or "${node}" may not be read by user "${user.uid}", who called sudo`,
      'Install both where everybody may read: make install.',
    )
  }
}

/** @returns ends it */
function follow(run: ChildProcess): () => void {
  const send = (signal: NodeJS.Signals): void => void run.kill(signal)
  // He was suspended by a key: sudo and the shell look at us.
  const stopToo = (): void => {
    if (isStopped(run)) process.kill(process.pid, 'SIGSTOP')
  }
  const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCONT'] as const
  for (const signal of passedOn) process.on(signal, send)
  process.on('SIGCHLD', stopToo)
  return () => {
    for (const signal of passedOn) process.off(signal, send)
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
