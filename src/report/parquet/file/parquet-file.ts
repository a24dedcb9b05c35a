/**
 * One Parquet file. Only this file imports parquetjs-lite 0.8.7. The faults of the package, and what is done about each:
 * - the page index is invalid (ClickHouse refuses it): never written;
 * - version 2 pages count values as rows where there are lists (ClickHouse then reads past a page): version 1 pages are written;
 * - minima and maxima of text are in UTF-16 order, so that engines skip rows that match: only timestamps have statistics;
 * - appends that are not awaited corrupt the file, and a failed write of the header ends the process: one loop appends, and a sink
 *   keeps the error;
 * - integers are rounded or cut silently, and a row needs an object, and three arrays per cell: pages are encoded in column-page.ts (a test
 *   checks that both ways give the same bytes, but for the level of gzip).
 */
import { open, type FileHandle } from 'node:fs/promises'
import parquet, { type FieldDefinition, type ParquetWriter } from 'parquetjs-lite'
import type { Page } from 'parquetjs-lite/gen-nodejs/parquet_types.js'
import { isList, type Cells, type TableRows } from '../table-columns.ts'
import type { ParquetColumn, TableFile, TableFormat } from '../table-file.ts'
import { ColumnPage } from './column-page.ts'
import { joinParquet } from './parquet-join.ts'

export const PARQUET: TableFormat = {
  extension: 'parquet',
  create: (path, { columns, metadata }) => ParquetFile.create(path, columns, metadata),
  join: async (parts, target, metadata) => {
    await joinParquet(parts, target, metadata)
  },
}

const ROW_GROUP = 25_000
const PAGE = 2_500

export class ParquetFile implements TableFile {
  readonly #writer: ParquetWriter
  readonly #sink: FileSink
  readonly #columns: readonly ParquetColumn[]
  readonly #pages: readonly ColumnPage[]
  readonly #texts = new Map<string, Buffer>()
  /** of each column, the pages of the row group so far */
  #group: Page[][]
  #groupRows = 0
  /** rows since the last page */
  #pageRows = 0
  #rows = 0

  /** @param path must not exist @param metadata key and value texts of the footer */
  static async create(
    path: string,
    columns: readonly ParquetColumn[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<ParquetFile> {
    const sink = new FileSink(await open(path, 'wx', 0o640))
    const schema = new parquet.ParquetSchema(
      Object.fromEntries(columns.map((column) => [column.name, definition(column)])),
    )
    const writer = await parquet.ParquetWriter.openStream(schema, sink, {
      rowGroupSize: ROW_GROUP,
      pageSize: PAGE,
      pageIndex: false,
      useDataPageV2: false,
    })
    for (const [key, value] of Object.entries(metadata)) writer.setMetadata(key, value)
    return new ParquetFile(writer, sink, columns)
  }

  private constructor(writer: ParquetWriter, sink: FileSink, columns: readonly ParquetColumn[]) {
    this.#writer = writer
    this.#sink = sink
    this.#columns = columns
    this.#pages = columns.map((column) => new ColumnPage(column, (text) => this.#bytesOf(text)))
    this.#group = columns.map(() => [])
  }

  get rows(): number {
    return this.#rows
  }

  async append({ count, columns }: TableRows): Promise<void> {
    this.#columns.forEach((column, i) => checkCount(column, columns[i]!, count))
    const starts = columns.map(() => 0)
    for (let row = 0; row < count;) {
      const rows = Math.min(count - row, PAGE - this.#pageRows)
      this.#pages.forEach((page, i) => (starts[i] = page.append(columns[i]!, starts[i]!, row, rows)))
      this.#pageRows += rows
      row += rows
      if (this.#pageRows === PAGE) this.#endPage()
      if (this.#groupRows === ROW_GROUP) await this.endSlice()
    }
    this.#rows += count
  }

  #endPage(): void {
    if (this.#pageRows === 0) return
    this.#pages.forEach((page, i) => this.#group[i]!.push(page.take(this.#groupRows)))
    this.#groupRows += this.#pageRows
    this.#pageRows = 0
  }

  /** Cached, because names repeat. The bound limits the memory for a million different paths. */
  #bytesOf(text: string): Buffer {
    let bytes = this.#texts.get(text)
    if (bytes === undefined) {
      if (this.#texts.size >= 100_000) this.#texts.clear()
      const length = Buffer.byteLength(text)
      bytes = Buffer.allocUnsafe(4 + length)
      bytes.writeUInt32LE(length)
      bytes.write(text, 4)
      this.#texts.set(text, bytes)
    }
    return bytes
  }

  /** Ends the row group. */
  async endSlice(): Promise<void> {
    this.#endPage()
    if (this.#groupRows === 0) return
    const pages = Object.fromEntries(this.#columns.map((column, i) => [keyOf(column), this.#group[i]!]))
    await asError(this.#writer.envelopeWriter.writeRowGroup({ rowCount: this.#groupRows, pages }))
    this.#group = this.#columns.map(() => [])
    this.#groupRows = 0
    this.#sink.check()
  }

  async close(): Promise<void> {
    await this.endSlice()
    await asError(this.#writer.close())
    await this.#sink.close()
    this.#sink.check()
  }

  /** Closes an unfinished file. Its content cannot be used. */
  async abandon(): Promise<void> {
    await this.#sink.close()
  }
}

/** The three levels of the format's specification. Trino, Spark and parquet-cli misread a bare repeated column, or refuse it. */
const listOf = (element: FieldDefinition, optional: boolean): FieldDefinition => ({
  type: 'LIST',
  ...(optional ? { optional } : {}),
  fields: { list: { repeated: true, fields: { element } } },
})
/** In the package: the path to the values. */
const keyOf = ({ name, list }: ParquetColumn): string => (list === true ? `${name},list,element` : name)

function definition({ type, optional, list }: ParquetColumn): FieldDefinition {
  const types = {
    int32: 'INT32',
    int64: 'INT64',
    timestamp: 'TIMESTAMP_MICROS',
    text: 'UTF8',
  } as const
  const values: FieldDefinition = {
    type: types[type],
    compression: 'GZIP',
    ...(optional === true && list !== true ? { optional } : {}),
    ...(type === 'timestamp' ? {} : { statistics: false }),
  }
  return list === true ? listOf(values, optional === true) : values
}

function checkCount({ name }: ParquetColumn, cells: Cells, rows: number): void {
  const { length } = isList(cells) ? cells.lengths : cells
  if (length !== rows) throw new Error(`Parquet column ${name} has ${length} cells for ${rows} rows`)
}

/** The package throws strings. */
async function asError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof Error ? error : new Error(`parquetjs-lite: ${String(error)}`)
  }
}

/** Reports no error to the package, because the package does not handle all of them. Keeps the first error for `check`. */
class FileSink {
  readonly #file: FileHandle
  #error: unknown = null
  #last: Promise<void> = Promise.resolve()

  constructor(file: FileHandle) {
    this.#file = file
  }

  write(bytes: Buffer, done: () => void): void {
    this.#last = this.#last.then(() => this.#writeBytes(bytes)).then(done)
  }

  end(done: () => void): void {
    this.#last = this.#last.then(done)
  }

  check(): void {
    if (this.#error !== null) throw this.#error as Error
  }

  async close(): Promise<void> {
    await this.#last
    await this.#file.close()
  }

  async #writeBytes(bytes: Buffer): Promise<void> {
    if (this.#error !== null) return
    try {
      await this.#file.writeFile(bytes)
    } catch (error) {
      this.#error = error
    }
  }
}
