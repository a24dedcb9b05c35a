/** One recorder per file: the meta table names it. The lock of a process that is dead, or of an earlier boot, is taken over. */
import { readFileSync } from 'node:fs'
import { usageError } from '../../errors.ts'
import { setMeta, type readMeta } from '../format/meta.ts'
import type { Database } from '../sqlite/database.ts'

interface Holder {
  readonly boot: string
  readonly pid: number
  /** start time in clock ticks since boot: it tells a reused pid apart */
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
  setMeta(database, 'lock', JSON.stringify(ourselves()))
}

export const releaseLock = (database: Database): void => setMeta(database, 'lock', '')

/** The pid of the process that records into the file now; null where none does. */
export function livingHolder(meta: ReturnType<typeof readMeta>): number | null {
  const holder = holderOf(meta)
  return holder !== null && isAlive(holder) ? holder.pid : null
}

const ourselves = (): Holder => ({ boot: bootId(), pid: process.pid, started: startOf(process.pid) ?? '' })

function holderOf(meta: ReturnType<typeof readMeta>): Holder | null {
  try {
    const value: unknown = JSON.parse(meta.get('lock') ?? '')
    return isHolder(value) ? value : null
  } catch {
    return null // no holder: the value is '' after a release
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

/** Recording needs /proc: on a system without it there is no holder. */
const isAlive = ({ boot, pid, started }: Holder): boolean => boot === bootId() && startOf(pid) === started

function bootId(): string {
  return readOr('/proc/sys/kernel/random/boot_id', '').trim()
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses. */
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
