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

export function becomeCaller(env: Readonly<Record<string, string | undefined>>): void {
  const uid = identity(env.SUDO_UID)
  const gid = identity(env.SUDO_GID)
  if (uid === null || gid === null || uid === 0 || process.getuid?.() !== 0) return
  try {
    process.initgroups?.(uid, gid)
    process.setgid?.(gid)
    process.setuid?.(uid)
  } catch (error) {
    throw systemError(`could not become user "${uid}": ${String(error)}`, 'check SUDO_UID and SUDO_GID')
  }
}

const identity = (value: string | undefined): number | null =>
  value !== undefined && /^\d+$/.test(value) ? Number(value) : null
