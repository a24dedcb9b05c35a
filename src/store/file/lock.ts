/**
 * The recorder of a file, named in the meta table. That of a dead process, or of an earlier boot, is taken over. In another pid namespace
 * a number says nothing; there the lock on the file's name does (name-lock.ts).
 */
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { usageError, type UserError } from '../../errors.ts'
import { setMeta, type readMeta } from '../format/meta.ts'
import type { Database } from '../sqlite/database.ts'
import { isNameTaken } from './name-lock.ts'
import { recordedName } from './side-files.ts'

interface Holder {
  readonly boot: string
  readonly pid: number
  /** start time in clock ticks since boot; a process that reuses the pid has another one */
  readonly started: string
  /** its pid namespace; absent in files of earlier versions */
  readonly namespace?: string
}

/** Call within a transaction. @throws UserError when another recorder writes to the file */
export function takeLock(database: Database, meta: ReturnType<typeof readMeta>, file: string): void {
  const holder = holderOf(meta)
  if (holder !== null && isAlive(holder)) throw takenError(file, meta)
  setMeta(database, 'lock', JSON.stringify(thisProcess()))
}

/** Another recorder has this file. */
export function takenError(file: string, meta: ReturnType<typeof readMeta>): UserError {
  const holder = holderOf(meta)
  if (holder === null || !isHere(holder)) {
    const who = holder === null ? 'another process' : `process ${holder.pid} of another pid namespace`
    return usageError(`"${file}" is being recorded by ${who}`, 'Stop it first, or record into another file.')
  }
  return usageError(
    `"${file}" is being recorded by process ${holder.pid}`,
    `Stop it first (kill -INT ${holder.pid}), or record into another file.`,
  )
}

export const releaseLock = (database: Database): void => setMeta(database, 'lock', '')

/** The pid, in its own namespace, of the process that records into the file now; null if there is none. */
export function livingHolder(meta: ReturnType<typeof readMeta>, file: string): number | null {
  const holder = holderOf(meta)
  return holder !== null && (isAlive(holder) || isTaken(file)) ? holder.pid : null
}

const isTaken = (file: string): boolean => existsSync(file) && isNameTaken(recordedName(file))

const thisProcess = (): Holder => ({
  boot: bootId(),
  pid: process.pid,
  started: startOf(process.pid) ?? '',
  namespace: namespace(),
})

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
  typeof value.started === 'string' &&
  (!('namespace' in value) || typeof value.namespace === 'string')

/** Recording needs /proc, so a system without it has no recorder. */
const isAlive = (holder: Holder): boolean =>
  holder.boot === bootId() && isHere(holder) && startOf(holder.pid) === holder.started

const isHere = (holder: Holder): boolean => holder.namespace === undefined || holder.namespace === namespace()

/** `pid:[4026531836]` */
function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function bootId(): string {
  return readOr('/proc/sys/kernel/random/boot_id', '').trim()
}

/** Field 22 of /proc/PID/stat; null for a process that has ended, also if nobody has waited for it. The name in field 2 may contain spaces and parentheses. */
function startOf(pid: number): string | null {
  const stat = readOr(`/proc/${pid}/stat`, '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null)
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}
