/**
 * Rows of numbers by key, written in any order and read key by key, in a temporary file that is gone when the program ends: a text that
 * has one series after the other needs all of time before it has the second one.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemError } from '../errors.ts'

/** Numbers of a key that are kept in memory until they are written. */
const BUFFERED = 1024

interface Chunk {
  readonly at: number
  readonly numbers: number
}

interface Entry {
  readonly chunks: Chunk[]
  /** [length, …numbers, length, …numbers] */
  pending: number[]
}

export class Spool {
  readonly #file = openUnlinked()
  readonly #entries = new Map<object, Entry>()
  #size = 0

  /** @throws UserError (exit 4) when there is no room */
  append(key: object, row: readonly number[]): void {
    let entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, (entry = { chunks: [], pending: [] }))
    entry.pending.push(row.length, ...row)
    if (entry.pending.length >= BUFFERED) this.#flush(entry)
  }

  /** In the order in which they were appended. */
  *rows(key: object): Iterable<readonly number[]> {
    const { chunks, pending } = this.#entries.get(key) ?? { chunks: [], pending: [] }
    for (const chunk of chunks) yield* rowsIn(this.#read(chunk))
    yield* rowsIn(pending)
  }

  close(): void {
    closeSync(this.#file)
  }

  #flush(entry: Entry): void {
    const bytes = new Uint8Array(Float64Array.from(entry.pending).buffer)
    try {
      for (let at = 0; at < bytes.length;)
        at += writeSync(this.#file, bytes, at, bytes.length - at, this.#size + at)
    } catch (error) {
      throw notWritten(error)
    }
    entry.chunks.push({ at: this.#size, numbers: entry.pending.length })
    entry.pending = []
    this.#size += bytes.length
  }

  #read({ at, numbers }: Chunk): Float64Array {
    const values = new Float64Array(numbers)
    const bytes = new Uint8Array(values.buffer)
    for (let done = 0; done < bytes.length;) {
      const read = readSync(this.#file, bytes, done, bytes.length - done, at + done)
      if (read === 0) throw new Error('the temporary file was cut')
      done += read
    }
    return values
  }
}

function* rowsIn(numbers: ArrayLike<number>): Iterable<readonly number[]> {
  for (let at = 0; at < numbers.length;) {
    const end = at + 1 + numbers[at]!
    yield Array.prototype.slice.call(numbers, at + 1, end) as number[]
    at = end
  }
}

/** Without a name it is gone however the program ends. */
function openUnlinked(): number {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-metrics-'))
    const file = openSync(join(folder, 'spool'), 'wx+', 0o600)
    rmSync(folder, { recursive: true })
    return file
  } catch (error) {
    throw notWritten(error)
  }
}

const notWritten = (error: unknown): Error =>
  systemError(
    `"${tmpdir()}" has no room for a temporary file: ${error instanceof Error ? error.message : String(error)}`,
    'Set TMPDIR to a folder that has.',
  )
