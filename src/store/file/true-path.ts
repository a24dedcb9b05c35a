/** Where a name leads that may be a link. SQLite keeps a -wal beside the file itself, so must everything that looks for one there. */
import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { usageError } from '../../errors.ts'

/** The kernel follows as many (path_resolution(7)). */
const MOST_LINKS = 40

/**
 * The file that is written under this name, which need not exist yet. A name that is no link comes back as it is.
 * @throws UserError (exit 2) for a circle of links, or for a link of another user: he must not choose what this user writes
 */
export function truePath(file: string): string {
  let path = file
  for (let links = 0; links <= MOST_LINKS; links++) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isSymbolicLink() !== true) return path
    refuseForeign(path, found)
    path = resolve(dirname(path), readlinkSync(path))
  }
  throw usageError(`"${file}" is a link that leads to itself`, 'Name the file itself.')
}

function refuseForeign(path: string, { uid }: Stats): void {
  if (uid === 0 || uid === process.geteuid?.()) return
  throw usageError(`"${path}" is a link that somebody else made`, 'Name the file itself.')
}
