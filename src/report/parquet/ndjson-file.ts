/**
 * A table as NDJSON, gzipped: an object a row, `host`, then the columns in their order. What is null is left out. Each gzip member has
 * rows of one slice, so that files are joined by putting one behind the other.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip, gzip } from 'node:zlib'
import { recordingError } from '../../errors.ts'
import { isoUtcMicros } from '../../frame/time/timezone.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { rowsOf, type Cell, type TableRows } from './table-columns.ts'
import type { ParquetColumn, TableContent, TableFile, TableFormat } from './table-file.ts'

export const NDJSON: TableFormat = {
  extension: 'ndjson.gz',
  create: async (path, content) => new NdjsonFile(await open(path, 'wx', 0o640), content),
  join: async (parts, target) => {
    await pipeline(bytesOf(parts), createWriteStream(target, { flags: 'wx', mode: 0o640 }))
  },
}

async function* bytesOf(paths: readonly string[]): AsyncGenerator<Buffer> {
  for (const path of paths) yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>
}

/**
 * Behind a torn member nothing of a joined file can be read. Rows end with a line, and a file without rows is a gzip, too.
 * @throws UserError (exit 5) if the file is no whole one of ours
 */
export async function refuseTorn(path: string): Promise<void> {
  let [size, end] = [0, NEWLINE]
  const rows = new Writable({
    write(chunk: Buffer, _encoding, done) {
      end = chunk.at(-1) ?? end
      done()
    },
  })
  const input = createReadStream(path, { highWaterMark: 1 << 20 }).on(
    'data',
    (chunk) => (size += chunk.length),
  )
  try {
    await pipeline(input, createGunzip(), rows)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_') !== true) throw error
    size = 0
  }
  if (size > 0 && end === NEWLINE) return
  throw recordingError(`"${path}" is no whole gzip of rows`, 'Remove it, and export its range again.')
}

const NEWLINE = 0x0a

/** Characters that become a member. */
const MEMBER = 1 << 20

const compressed = promisify(gzip)

class NdjsonFile implements TableFile {
  rows = 0
  readonly #file: FileHandle
  readonly #host: string
  readonly #fields: readonly ((cell: Cell) => string)[]
  #text = ''
  /** the member that is being compressed and written while the next one is made */
  #last: Promise<void> = Promise.resolve()

  constructor(file: FileHandle, { host, columns }: TableContent) {
    this.#file = file
    this.#host = `{"host":${JSON.stringify(host)}`
    this.#fields = columns.map(fieldOf)
  }

  async append(rows: TableRows): Promise<void> {
    for (const row of rowsOf(rows)) {
      this.rows++
      let line = this.#host
      for (let i = 0; i < row.length; i++) {
        const cell = row[i] ?? null
        if (cell !== null) line += this.#fields[i]!(cell)
      }
      this.#text += `${line}}\n`
      if (this.#text.length >= MEMBER) await this.endSlice()
    }
  }

  async endSlice(): Promise<void> {
    if (this.#text === '') return
    const [text, before] = [this.#text, this.#last]
    this.#text = ''
    this.#last = before.then(async () => this.#file.writeFile(await compressed(text)))
    // An error is for whoever awaits it: the next member, or close.
    this.#last.catch(() => undefined)
    await before
  }

  async close(): Promise<void> {
    await this.endSlice()
    await this.#last
    // No byte is no gzip.
    if (this.rows === 0) await this.#file.writeFile(await compressed(''))
    await this.#file.close()
  }

  async abandon(): Promise<void> {
    await this.#last.catch(() => undefined)
    await this.#file.close()
  }
}

/** A time is written as text, and as a number for engines whose times are whole seconds. */
function fieldOf({ name, type, list }: ParquetColumn): (cell: Cell) => string {
  const begin = `,${JSON.stringify(name)}:`
  if (list === true || type === 'text') return (cell) => begin + JSON.stringify(cell)
  if (type !== 'timestamp') return (cell) => begin + String(cell)
  return (cell) =>
    `${begin}"${isoUtcMicros(wallMicros(cell as number))}",${JSON.stringify(`${name}_us`)}:${String(cell)}`
}
