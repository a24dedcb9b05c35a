/**
 * One Parquet file. Only this file imports parquetjs-lite 0.8.7. The faults of the package, and what is done about each:
 * - the page index is invalid (ClickHouse refuses it): never written;
 * - version 2 pages count values as rows where there are lists (ClickHouse then reads past a page): version 1 pages are written;
 * - minima and maxima of text are in UTF-16 order, so that engines skip rows that match: only timestamps have statistics;
 * - appends that are not awaited corrupt the file, and a failed write of the header ends the process: one loop appends, and a sink
 *   keeps the error;
 * - integers are rounded or cut silently: they are checked here;
 * - a row needs an object, and three arrays per cell: columns are filled directly, except for rows at which the package must cut a
 *   page (a test checks that both ways give the same bytes).
 */
import { open, type FileHandle } from 'node:fs/promises'
import parquet, {
  type ColumnData,
  type FieldDefinition,
  type ParquetWriter,
  type RowBuffer,
} from 'parquetjs-lite'
import { useFastEncoders } from './parquet-encoding.ts'
import { joinParquet } from './parquet-join.ts'
import { isList, type Cells, type ListCells, type Scalar, type TableRows } from './table-columns.ts'
import type { ParquetColumn, TableFile, TableFormat } from './table-file.ts'

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
  readonly #keys: readonly string[]
  readonly #texts = new Map<string, Buffer>()
  #rows = 0

  /** @param path must not exist @param metadata key and value texts of the footer */
  static async create(
    path: string,
    columns: readonly ParquetColumn[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<ParquetFile> {
    useFastEncoders()
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
    this.#keys = columns.map(keyOf)
  }

  get rows(): number {
    return this.#rows
  }

  async append(rows: TableRows): Promise<void> {
    this.#columns.forEach((column, i) => checkCells(column, rows.columns[i]!, rows.count))
    const lists = rows.columns.map(() => 0)
    for (let row = 0; row < rows.count;) {
      const { rowBuffer } = this.#writer
      const room = rowBuffer.rowCount === undefined ? 0 : PAGE - 1 - rowBuffer.pageRowCount!
      const count = room > 0 ? Math.min(room, rows.count - row) : 1
      if (room > 0) this.#fill(rowBuffer, rows, lists, row, count)
      else await this.#appendSlowly(rows, lists, row)
      row += count
    }
    this.#rows += rows.count
  }

  /** Appends a row through the package, which cuts pages and row groups. @param lists where the row's lists begin; advanced */
  async #appendSlowly({ columns }: TableRows, lists: number[], row: number): Promise<void> {
    this.#setLevelCounts()
    const cells = this.#columns.map(({ name }, i): [string, unknown] => {
      const cells = columns[i]!
      return [name, isList(cells) ? listRecord(cells, lists, i, row) : cells[row]]
    })
    await asError(this.#writer.appendRow(Object.fromEntries(cells)))
    this.#sink.check()
  }

  /** @param lists where the first row's lists begin; advanced */
  #fill(rowBuffer: RowBuffer, { columns }: TableRows, lists: number[], row: number, count: number): void {
    this.#columns.forEach((column, i) => {
      const data = rowBuffer.columnData![this.#keys[i]!]!
      const cells = columns[i]!
      if (isList(cells)) lists[i] = this.#fillLists(data, column, cells, lists[i]!, row, count)
      else this.#fillCells(data, column, cells, row, count)
    })
    rowBuffer.rowCount! += count
    rowBuffer.pageRowCount! += count
  }

  /** Levels that are all 0 are only counted, not encoded. So their number is set once per page, not per row. */
  #setLevelCounts(): void {
    const { columnData, pageRowCount } = this.#writer.rowBuffer
    if (columnData === undefined || pageRowCount === undefined) return
    for (const { name, list, optional } of this.#columns) {
      if (list !== true && optional !== true) columnData[name]!.dlevels.length = pageRowCount
    }
  }

  #fillCells(
    { dlevels, values, distinct_values: distinct }: ColumnData,
    { type, optional }: ParquetColumn,
    cells: readonly (Scalar | null)[],
    from: number,
    count: number,
  ): void {
    for (let row = from; row < from + count; row++) {
      const cell = cells[row] ?? null
      if (optional === true) dlevels.push(cell === null ? 0 : 1)
      if (cell === null) continue
      values.push(type === 'text' ? this.#bytesOf(cell as string) : cell)
      if (type === 'timestamp') distinct.add(cell)
    }
  }

  /** Definition levels count what is there: the list where it may be null, then an element. @returns where the next row's list begins */
  #fillLists(
    { rlevels, dlevels, values }: ColumnData,
    { type, optional }: ParquetColumn,
    lists: ListCells,
    start: number,
    from: number,
    count: number,
  ): number {
    const empty = optional === true ? 1 : 0
    let at = start
    for (let row = from; row < from + count; row++) {
      const length = lists.lengths[row]!
      if (length <= 0) {
        rlevels.push(0)
        dlevels.push(length < 0 ? 0 : empty)
        continue
      }
      for (let i = 0; i < length; i++) {
        rlevels.push(i === 0 ? 0 : 1)
        dlevels.push(empty + 1)
        const value = lists.values[at++]!
        values.push(type === 'text' ? this.#bytesOf(value as string) : value)
      }
    }
    return at
  }

  /** Cached, because names repeat. The bound limits the memory for a million different paths. */
  #bytesOf(text: string): Buffer {
    let bytes = this.#texts.get(text)
    if (bytes === undefined) {
      if (this.#texts.size >= 100_000) this.#texts.clear()
      this.#texts.set(text, (bytes = Buffer.from(text)))
    }
    return bytes
  }

  /** Ends the row group. The package does that at a number of rows or at the end of the file: here it ends a file of this group alone. */
  async endSlice(): Promise<void> {
    this.#setLevelCounts()
    const { envelopeWriter, rowBuffer } = this.#writer
    const group = Object.assign(Object.create(this.#writer) as ParquetWriter, {
      rowBuffer,
      envelopeWriter: {
        pageSize: PAGE,
        useDataPageV2: false,
        writeRowGroup: (buffer: RowBuffer) => envelopeWriter.writeRowGroup(buffer),
        writeIndex: () => undefined,
        writeFooter: () => undefined,
        close: () => undefined,
      },
    })
    await asError(group.close())
    this.#writer.rowBuffer = {}
    this.#sink.check()
  }

  async close(): Promise<void> {
    this.#setLevelCounts()
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
/** @param starts where the lists of the row begin; advanced */
function listRecord(cells: ListCells, starts: number[], column: number, row: number): object | null {
  const length = cells.lengths[row]!
  if (length < 0) return null
  const start = starts[column]!
  starts[column] = start + length
  return { list: cells.values.slice(start, start + length).map((element) => ({ element })) }
}
/** Of the package's column data: the path to the values. */
const keyOf = ({ name, list }: ParquetColumn): string => (list === true ? `${name},list,element` : name)

function definition({ type, optional, list }: ParquetColumn): FieldDefinition {
  const types = {
    int32: 'INT32',
    int64: 'INT64',
    timestamp: 'TIMESTAMP_MICROS',
    text: 'UTF8',
    bool: 'BOOLEAN',
  } as const
  const values: FieldDefinition = {
    type: types[type],
    compression: 'GZIP',
    ...(optional === true && list !== true ? { optional } : {}),
    ...(type === 'timestamp' ? {} : { statistics: false }),
  }
  return list === true ? listOf(values, optional === true) : values
}

/** The package would silently write another value. */
function checkCells({ name, type, optional, list }: ParquetColumn, cells: Cells, rows: number): void {
  const fail = (value: unknown): never => {
    throw new Error(`Parquet column ${name} can't hold ${JSON.stringify(value)}`)
  }
  if (isList(cells) !== (list === true)) fail(cells)
  const perRow = isList(cells) ? cells.lengths : cells
  if (perRow.length !== rows) fail(`${perRow.length} cells for ${rows} rows`)
  if (optional !== true && (isList(cells) ? cells.lengths.includes(-1) : cells.includes(null))) fail(null)
  const isFine = CHECKS[type]
  for (const value of isList(cells) ? cells.values : cells) if (value !== null && !isFine(value)) fail(value)
}

const CHECKS: Readonly<Record<ParquetColumn['type'], (value: Scalar) => boolean>> = {
  int32: (value) => typeof value === 'number' && (value | 0) === value,
  int64: Number.isSafeInteger,
  timestamp: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  text: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
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
