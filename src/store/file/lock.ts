/** One recorder per file, named in the meta table. The lock of a dead process, or of an earlier boot, is taken over. */
import { readFileSync } from 'node:fs'
import { usageError } from '../../errors.ts'
import { setMeta, type readMeta } from '../format/meta.ts'
import type { Database } from '../sqlite/database.ts'

interface Holder {
  readonly boot: string
  readonly pid: number
  /** start time in clock ticks since boot; a process that reuses the pid has another one */
  readonly started: string
}

/** Call within a transaction. @throws UserError when another recorder writes to the file */
export function takeLock(database: Database, meta: ReturnType<typeof readMeta>, file: string): void {
  const holder = holderOf(meta)
  if (holder !== null && isAlive(holder)) {
    throw usageError(
      `"${file}" is being recorded by process ${holder.pid}`,
      `Stop it first (kill -INT ${holder.pid}), or record into another file.`,
    )
  }
  setMeta(database, 'lock', JSON.stringify(thisProcess()))
}

export const releaseLock = (database: Database): void => setMeta(database, 'lock', '')

/** The pid of the process that records into the file now; null if there is none. */
export function livingHolder(meta: ReturnType<typeof readMeta>): number | null {
  const holder = holderOf(meta)
  return holder !== null && isAlive(holder) ? holder.pid : null
}

const thisProcess = (): Holder => ({ boot: bootId(), pid: process.pid, started: startOf(process.pid) ?? '' })

function holderOf(meta: ReturnType<typeof readMeta>): Holder | null {
  try {
    const value: unknown = JSON.parse(meta.get('lock') ?? '')
    return isHolder(value) ? value : null
  } catch {
    return null // after a release the value is ''
  }
}

const isHolder = (value: unknown): value is Holder =>
  typeof value === 'object' &&
  value !== null &&
  'boot' in value &&
  typeof value.boot === 'string' &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  'started' in value &&
  typeof value.started === 'string'

/** Recording needs /proc, so a system without it has no recorder. */
const isAlive = ({ boot, pid, started }: Holder): boolean => boot === bootId() && startOf(pid) === started

function bootId(): string {
  return readOr('/proc/sys/kernel/random/boot_id', '').trim()
}

/** Field 22 of /proc/PID/stat. The name in field 2 may contain spaces and parentheses. */
function startOf(pid: number): string | null {
  const stat = readOr(`/proc/${pid}/stat`, '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}
