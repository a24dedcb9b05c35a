/** The files of a folder of dumps: what was left unfinished there, and the oldest. Only files of exactly our names are touched. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { HEADER_BYTES, readHeader } from '../../store/file/header.ts'
import { isInUse, sideFilesOf } from '../../store/file/side-files.ts'
import { dumpsAmong, partsAmong } from '../../triggers/dump-name.ts'

/** Whoever makes one has locked it by then, ms. */
const YOUNG_MS = 10_000
const ENDINGS = ['-wal', '-shm', '-journal', '']

/** Removes what killed recorders have left of dumps of this host. @param now ms since the epoch */
export function removeParts(folder: string, host: string, now: number): void {
  for (const name of partsAmong(readdirSync(folder), host)) {
    const path = join(folder, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isFile() !== true || found.uid !== process.geteuid?.()) continue
    if (isInUse(path) || sideFilesOf(path).isHeld || Math.abs(now - found.mtimeMs) < YOUNG_MS) continue
    for (const ending of ENDINGS) rmSync(path + ending, { force: true })
  }
}

/** Removes the oldest dumps of this host beyond `keep`. @param newest has just been made: a clock that was set back makes it look old */
export function removeOldest(folder: string, host: string, keep: number, newest: string): readonly string[] {
  const others = dumpsAmong(readdirSync(folder), host).filter(({ name }) => name !== newest)
  const ours = others.map(({ name }) => join(folder, name)).filter(isRecording)
  const oldest = ours.slice(keep - 1)
  for (const path of oldest) rmSync(path, { force: true })
  return oldest
}

/** A plain file, no link, with the header of a recording. */
function isRecording(path: string): boolean {
  const bytes = Buffer.alloc(HEADER_BYTES)
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      if (!fstatSync(file).isFile()) return false
      readSync(file, bytes, 0, HEADER_BYTES, 0)
    } finally {
      closeSync(file)
    }
    readHeader(bytes, path)
    return true
  } catch {
    return false
  }
}
