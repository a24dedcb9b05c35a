/** The files of a recording that is being written, as they were opened: whether they still have their names, and which they have now. */
import { lstatSync, rmSync, type Stats } from 'node:fs'
import { openName } from '../file/open-name.ts'
import { integer, nullIfDamaged, scalar, type Database } from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'

/**
 * `moved`: the recording has another name, or none. `stripped`: what SQLite keeps beside it is gone. `emptied`: it has no bytes any more.
 * `shortened`: some of its pages are cut off.
 */
export type Place = 'same' | 'moved' | 'stripped' | 'emptied' | 'shortened'

const BESIDE = ['-wal', '-shm'] as const

export class HeldFiles {
  readonly #path: string
  readonly #database: Database
  readonly #main: Stats | undefined
  readonly #beside: readonly (Stats | undefined)[]
  /** bytes, when our last write was done */
  #size = 0

  /** Call while SQLite has the file open, after its first write. */
  constructor(path: string, database: Database) {
    this.#path = path
    this.#database = database
    this.#main = statOf(path)
    this.#beside = BESIDE.map((ending) => statOf(path + ending))
    this.written()
  }

  /** Call after each write. */
  written(): void {
    this.#size = statOf(this.#path)?.size ?? 0
  }

  get place(): Place {
    const found = statOf(this.#path)
    if (!isSame(found, this.#main)) return 'moved'
    if (found?.size === 0) return 'emptied'
    if (found !== undefined && found.size < this.#size && this.#lacks(found.size)) return 'shortened'
    return BESIDE.every((ending, i) => isSame(statOf(this.#path + ending), this.#beside[i]))
      ? 'same'
      : 'stripped'
  }

  /** Another process that writes a marker may put the WAL into the file and give back what is free: then no page is missing. */
  #lacks(size: number): boolean {
    const pages = nullIfDamaged(() => integer(scalar(this.#database, 'PRAGMA page_count')))
    return pages === null || size < pages * PAGE_SIZE
  }

  /** The name that the recording has now; null if it has none. Call while it is open. */
  newName(): string | null {
    return this.#main === undefined ? null : openName(this.#main)
  }

  /** Removes what SQLite has left under the old name. Call when it is closed. */
  removeBeside(): void {
    for (const [i, ending] of BESIDE.entries()) {
      const path = this.#path + ending
      if (this.#beside[i] !== undefined && isSame(statOf(path), this.#beside[i]))
        rmSync(path, { force: true })
    }
  }
}

const statOf = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })

const isSame = (a: Stats | undefined, b: Stats | undefined): boolean => a?.ino === b?.ino && a?.dev === b?.dev
