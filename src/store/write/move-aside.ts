/** Moves aside a recording that cannot be continued, so that the command line of a service can stay the same for ever. */
import { existsSync, lstatSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { usageError, UserError } from '../../errors.ts'
import { HEADER_BYTES, readHeader } from '../file/header.ts'
import { readStart } from '../file/read-start.ts'
import { sideFilesOf } from '../file/side-files.ts'
import { FORMAT } from '../format/schema.ts'

/** Recordings moved aside that are kept per name; beyond, the oldest is removed. */
const MOST_KEPT = 5
/** The recording comes last: before that, it is found under its old name, and is moved aside once more. */
const ENDINGS = ['-wal', '-shm', '-journal', '']

export interface MovedAside {
  readonly format: number
  readonly to: string
}

/**
 * Renames a recording of an older or newer format to `F.format-N-TIME`, and the files beside it.
 * @returns null if it has our format, is no recording, or does not exist
 * @throws UserError (exit 2) if another program has it open, or it may not be renamed
 */
export function moveAsideOtherFormat(file: string, now: Date): MovedAside | null {
  const format = formatIn(file)
  if (format === null || format === FORMAT) return null
  if (sideFilesOf(realpathSync(file)).isHeld)
    throw usageError(
      `"${file}" is of format ${format}, and another program has it open`,
      'End that first: then it can be moved aside.',
    )
  const to = freeName(`${file}.format-${format}-${stamp(now)}`)
  try {
    for (const ending of ENDINGS) if (isThere(file + ending)) renameSync(file + ending, to + ending)
  } catch (error) {
    throw cannotRename(file, format, error)
  }
  removeOldest(file)
  return { format, to }
}

/** null: no recording of ours. Whoever opens it says why. */
function formatIn(file: string): number | null {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return null
  try {
    return readHeader(readStart(file, HEADER_BYTES), file).format
  } catch (error) {
    if (error instanceof UserError || isDenied(error)) return null
    throw error
  }
}

/** 20261128T093512Z */
const stamp = (now: Date): string => `${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`

function freeName(name: string): string {
  let free = name
  for (let i = 2; existsSync(free); i++) free = `${name}-${i}`
  return free
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

function removeOldest(file: string): void {
  const moved = readdirSync(dirname(file))
    .filter((name) => name.startsWith(`${basename(file)}.`))
    .flatMap((name) => {
      const [, time, number = '1'] = MOVED.exec(name.slice(basename(file).length)) ?? []
      return time === undefined ? [] : [{ name, time, number: Number(number) }]
    })
    .sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.number - a.number))
  for (const { name } of moved.slice(MOST_KEPT))
    for (const ending of ENDINGS) rmSync(join(dirname(file), name + ending), { force: true })
}

/** Names of what was moved aside for any reason, behind the name of the recording. */
const MOVED = /^\.(?:damaged|format-\d+|host-.+)-(\d{8}T\d{6}Z)(?:-(\d+))?$/

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null)
const isDenied = (error: unknown): boolean => ['EACCES', 'EPERM', 'EROFS'].includes(String(codeOf(error)))

const cannotRename = (file: string, format: number, error: unknown): unknown =>
  isDenied(error)
    ? usageError(
        `"${file}" is of format ${format}, and may not be moved aside by you`,
        'Record into another file, or into a folder in which you may write.',
      )
    : error
