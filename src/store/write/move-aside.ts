/** Moves aside a recording that cannot be continued, so that the command line of a service can stay the same for ever. */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { usageError } from '../../errors.ts'
import type { Obstacle } from '../file/discontinued.ts'
import { sideFilesOf } from '../file/side-files.ts'

/** Recordings moved aside that are kept per name; beyond, the oldest is removed. */
const MOST_KEPT = 5
/** The recording comes last: before that, it is found under its old name, and is moved aside once more. */
const ENDINGS = ['-wal', '-shm', '-journal', '']
/** Of a name, so that there is room for what is added to it, characters. */
const NAME_KEPT = 150

/**
 * Renames a file to `F.LABEL-TIME`, and the files beside it.
 * @returns the new name
 * @throws UserError (exit 2) if another program has it open, or it may not be renamed
 */
export function moveAside(file: string, obstacle: Obstacle, now: Date): string {
  if (sideFilesOf(file).isHeld)
    throw usageError(
      `"${file}" ${obstacle.why}, and another program has it open`,
      'End that first: then it can be moved aside.',
    )
  return moveOwnAside(file, obstacle, now)
}

/** The same for a file whose recorder this process was: who else has it open reads it. */
export function moveOwnAside(file: string, { label, why }: Obstacle, now: Date): string {
  const to = nameBeside(file, label, now)
  try {
    for (const ending of ENDINGS) if (isThere(file + ending)) renameSync(file + ending, to + ending)
  } catch (error) {
    throw cannotRename(file, why, error)
  }
  removeOldest(file)
  return to
}

/** `F.LABEL-TIME`, which is not there yet. */
export const nameBeside = (file: string, label: string, now: Date): string =>
  freeName(`${stemOf(file)}.${label}-${stamp(now)}`)

const stemOf = (file: string): string => join(dirname(file), basename(file).slice(0, NAME_KEPT))

/** 20261128T093512Z */
const stamp = (now: Date): string => `${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`

function freeName(name: string): string {
  const isTaken = (free: string): boolean => ENDINGS.some((ending) => existsSync(free + ending))
  let free = name
  for (let i = 2; isTaken(free); i++) free = `${name}-${i}`
  return free
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

function removeOldest(file: string): void {
  const stem = basename(stemOf(file))
  const names = readdirSync(dirname(file)).filter((name) => name.startsWith(`${stem}.`))
  const moved = [...new Set(names.map((name) => name.replace(SIDE_FILE, '')))]
    .flatMap((name) => {
      const [, time, number = '1'] = MOVED.exec(name.slice(stem.length)) ?? []
      return time === undefined ? [] : [{ name, time, number: Number(number) }]
    })
    .sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.number - a.number))
  for (const { name } of moved.slice(MOST_KEPT))
    for (const ending of ENDINGS) rmSync(join(dirname(file), name + ending), { force: true })
}

const SIDE_FILE = /-(?:wal|shm|journal)$/
/** Names of what was moved aside for any reason, behind the name of the recording. */
const MOVED = /^\.(?:damaged|format-\d+|host-.+)-(\d{8}T\d{6}Z)(?:-(\d+))?$/

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null)
const isDenied = (error: unknown): boolean => ['EACCES', 'EPERM', 'EROFS'].includes(String(codeOf(error)))

const cannotRename = (file: string, why: string, error: unknown): unknown =>
  isDenied(error)
    ? usageError(
        `"${file}" ${why}, and may not be moved aside by you`,
        'Record into another file, or into a folder in which you may write.',
      )
    : error
