/**
 * Writes the files of a data set. They have temporary names until all of them are complete, so that an interrupted export adds nothing,
 * and readers see nothing of it.
 */
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Recording } from '../../frame/model/recording.ts'
import { makeFolder } from '../../output.ts'
import { temporaryOf } from '../../temporary.ts'
import { pathOf, type Extent, type Place, type Target } from './dataset-files.ts'
import { metadataOf, type FileMetadata } from './file-metadata.ts'
import { COLUMNS, TABLES, type TableName } from './parquet-tables.ts'
import { withinDay } from './slices.ts'
import type { TableRows } from './table-columns.ts'
import type { TableContent, TableFile, TableFormat } from './table-file.ts'

interface OpenFile {
  readonly file: TableFile
  readonly temporary: string
  readonly path: string
  readonly table: TableName
}

interface Current {
  readonly day: number
  /** of Slice */
  readonly number: number
  readonly opened: OpenFile
}

/** Rows that are written as if they were alone in their file. */
export interface Slice {
  readonly day: number
  /** another one than that of the slice before */
  readonly number: number
}

export interface Written {
  readonly files: readonly string[]
  readonly rows: Readonly<Record<TableName, number>>
}

export class DatasetWriter {
  rowCount = 0
  readonly #target: Target
  #source: { readonly extent: Extent; readonly recording: Recording } | null = null
  /** one per table. Time goes forward, so a file is complete when the next day or recording begins */
  readonly #open = new Map<TableName, Current>()
  readonly #done: OpenFile[] = []
  /** of the recording, by day: what its files tell, and whether there are ticks among them */
  readonly #days = new Map<number, { readonly metadata: FileMetadata; hasTicks: boolean }>()
  readonly #superseded: string[] = []
  readonly #parts: string[] = []

  constructor(target: Target) {
    this.#target = target
  }

  /** The rows that follow are of another recording. */
  async begin({ extent, superseded }: Place, recording: Recording): Promise<void> {
    await this.#endSource()
    this.#superseded.push(...superseded)
    this.#source = { extent, recording }
  }

  async add(table: TableName, slice: Slice, rows: TableRows): Promise<void> {
    if (rows.count === 0) return
    const { number, opened } = await this.#currentOf(table, slice, false)
    if (number !== slice.number) await opened.file.endSlice()
    this.#open.set(table, { ...slice, opened })
    await opened.file.append(rows)
    this.rowCount += rows.count
  }

  /** Adds the rows of a slice that are in a file of their own, at a path of `partPath`. */
  async addPart(table: TableName, slice: Slice, part: Part): Promise<void> {
    const { opened } = await this.#currentOf(table, slice, true)
    this.#open.set(table, { ...slice, opened })
    if (!(opened.file instanceof JoinedFile)) throw new Error(`${table} has rows and parts in one file`)
    opened.file.add(part)
    this.rowCount += part.rows
  }

  /** Where the part of a slice is to be written, in a folder that exists. It is removed when it is joined, or the export fails. */
  async partPath(table: TableName, { day, number }: Slice): Promise<string> {
    const path = temporaryOf(`${pathOf(this.#target, table, this.#extent, day, 1)}.${number}`)
    await makeFolder(dirname(path))
    this.#parts.push(path)
    return path
  }

  async #currentOf(table: TableName, { day, number }: Slice, isJoined: boolean): Promise<Current> {
    const current = this.#open.get(table)
    if (current?.day === day) return current
    await this.#closeCurrent(table)
    return { day, number, opened: await this.#create(table, day, isJoined) }
  }

  get #extent(): Extent {
    if (this.#source === null) throw new Error('rows before begin()')
    return this.#source.extent
  }

  async #create(table: TableName, day: number, isJoined: boolean): Promise<OpenFile> {
    const extent = this.#extent
    const { recording } = this.#source!
    let path = pathOf(this.#target, table, extent, day, 1)
    for (let part = 2; this.#done.some((file) => file.path === path); part++)
      path = pathOf(this.#target, table, extent, day, part)
    await makeFolder(dirname(path))
    const temporary = temporaryOf(path)
    const about = this.#days.get(day) ?? {
      metadata: metadataOf(recording, extent.id, withinDay(extent, day)),
      hasTicks: false,
    }
    about.hasTicks ||= table === 'ticks'
    this.#days.set(day, about)
    const content = { host: extent.host, columns: COLUMNS[table], metadata: about.metadata }
    const { format } = this.#target
    const file = isJoined
      ? new JoinedFile(format, temporary, content)
      : await format.create(temporary, content)
    return { table, path, temporary, file }
  }

  /** Where a day has a gap or a marker and no tick, a file without rows says that nothing was recorded. */
  async #endSource(): Promise<void> {
    for (const table of TABLES) await this.#closeCurrent(table)
    for (const [day, { hasTicks }] of this.#days) {
      if (hasTicks) continue
      const opened = await this.#create('ticks', day, false)
      this.#open.set('ticks', { day, number: 0, opened })
      await this.#closeCurrent('ticks')
    }
    this.#days.clear()
  }

  async #closeCurrent(table: TableName): Promise<void> {
    const current = this.#open.get(table)
    if (current === undefined) return
    this.#open.delete(table)
    this.#done.push(current.opened)
    await current.opened.file.close()
  }

  async finish(): Promise<Written> {
    await this.#endSource()
    const written = new Set(this.#done.map(({ path }) => path))
    const old = new Set(this.#superseded.filter((path) => !written.has(path)))
    for (const file of this.#done) await replace(file, old)
    for (const path of old) await rm(path, { force: true })
    const rows = Object.fromEntries(TABLES.map((table) => [table, 0])) as Record<TableName, number>
    for (const { table, file } of this.#done) rows[table] += file.rows
    return { files: this.#done.map(({ path }) => path), rows }
  }

  async abandon(): Promise<void> {
    const open = [...this.#open.values()].map(({ opened }) => opened)
    for (const { file } of open) await file.abandon().catch(() => undefined)
    const unfinished = [...open, ...this.#done].map(({ temporary }) => temporary)
    for (const path of [...unfinished, ...this.#parts]) await rm(path, { force: true })
  }
}

/** The old file takes the new name first, so that a reader finds the old rows or the new ones of a table and day, and never both. */
async function replace({ temporary, path }: OpenFile, old: Set<string>): Promise<void> {
  const before = existsSync(path) ? undefined : [...old].find((one) => dirname(one) === dirname(path))
  if (before !== undefined) {
    await rename(before, path)
    old.delete(before)
  }
  await rename(temporary, path)
}

export interface Part {
  readonly path: string
  readonly rows: number
}

/** A table's file that becomes of parts which are written elsewhere: the same bytes as of one writer. */
class JoinedFile implements TableFile {
  rows = 0
  readonly #format: TableFormat
  readonly #path: string
  readonly #content: TableContent
  readonly #parts: string[] = []

  constructor(format: TableFormat, path: string, content: TableContent) {
    this.#format = format
    this.#path = path
    this.#content = content
  }

  /** The next rows in order. It is removed when all are joined. */
  add({ path, rows }: Part): void {
    this.#parts.push(path)
    this.rows += rows
  }

  append(): Promise<void> {
    return Promise.reject(new Error('rows come as parts'))
  }

  /** Parts are slices already. */
  endSlice(): Promise<void> {
    return Promise.resolve()
  }

  async close(): Promise<void> {
    await this.#format.join(this.#parts, this.#path, this.#content.metadata)
    for (const part of this.#parts) await rm(part, { force: true })
  }

  abandon(): Promise<void> {
    return Promise.resolve()
  }
}
