/** Under sudo the recorder becomes the user who called it, before it opens any file; the helper was started as root before. */
import { systemError } from '../errors.ts'

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

/** @returns the caller, where this process can't become him and has to give him its files; else null */
export function becomeCaller(env: Readonly<Record<string, string | undefined>>): User | null {
  const uid = identity(env.SUDO_UID)
  const gid = identity(env.SUDO_GID)
  if (uid === null || gid === null || uid === 0 || process.getuid?.() !== 0) return null
  try {
    process.initgroups?.(uid, gid)
    process.setgid?.(gid)
    process.setuid?.(uid)
    return null
  } catch (error) {
    if (refusesToChange(error)) return { uid, gid }
    throw systemError(`could not become user "${uid}": ${String(error)}`, 'check SUDO_UID and SUDO_GID')
  }
}

/** Debian's node reads files by io_uring, whose kernel threads would stay root: it then changes users no more (CVE-2024-22017). */
const refusesToChange = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE'

const identity = (value: string | undefined): number | null =>
  value !== undefined && /^\d+$/.test(value) ? Number(value) : null
