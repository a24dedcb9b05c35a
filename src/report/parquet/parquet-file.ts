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
import { joinParquet } from './parquet-join.ts'
import type { ParquetCell, ParquetColumn, TableFile, TableFormat } from './table-file.ts'

export type { ParquetCell, ParquetColumn }

type List = readonly number[] | readonly string[]

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
  #time = -1
  #bigTime = -1n

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
    this.#keys = columns.map(keyOf)
  }

  get rows(): number {
    return this.#rows
  }

  /** Cells in the order of the columns. Await the returned promise before the next row; most rows return null. */
  append(row: readonly ParquetCell[]): Promise<void> | null {
    this.#rows++
    const { rowBuffer } = this.#writer
    const { rowCount, pageRowCount } = rowBuffer
    if (rowCount === undefined || pageRowCount === undefined || pageRowCount + 1 >= PAGE)
      return this.#appendSlowly(row)
    this.#fill(rowBuffer, row)
    rowBuffer.rowCount = rowCount + 1
    rowBuffer.pageRowCount = pageRowCount + 1
    return null
  }

  /** Appends through the package, which cuts pages and row groups. */
  async #appendSlowly(row: readonly ParquetCell[]): Promise<void> {
    this.#setLevelCounts()
    const cells = this.#columns.map((column, i): [string, unknown] => {
      const cell = checked(column, row[i]!)
      return [column.name, column.list === true ? listRecord(cell as List | null) : cell]
    })
    await asError(this.#writer.appendRow(Object.fromEntries(cells)))
    this.#sink.check()
  }

  #fill({ columnData }: RowBuffer, row: readonly ParquetCell[]): void {
    for (let i = 0; i < row.length; i++) {
      const column = this.#columns[i]!
      const data = columnData![this.#keys[i]!]!
      const cell = checked(column, row[i]!)
      if (column.list === true) this.#fillList(data, column, cell as List | null)
      else {
        if (column.optional === true) data.dlevels.push(cell === null ? 0 : 1)
        if (cell !== null) this.#fillCell(data, column, cell)
      }
    }
  }

  /** Levels that are all 0 are only counted, not encoded. So their number is set once per page, not per row. */
  #setLevelCounts(): void {
    const { columnData, pageRowCount } = this.#writer.rowBuffer
    if (columnData === undefined || pageRowCount === undefined) return
    for (const { name, list, optional } of this.#columns) {
      if (list !== true && optional !== true) columnData[name]!.dlevels.length = pageRowCount
    }
  }

  /** Definition levels count what is there: the list where it may be null, then an element. */
  #fillList(data: ColumnData, column: ParquetColumn, list: List | null): void {
    const empty = column.optional === true ? 1 : 0
    if (list === null || list.length === 0) {
      data.rlevels.push(0)
      data.dlevels.push(list === null ? 0 : empty)
      return
    }
    list.forEach((value, i) => {
      data.rlevels.push(i === 0 ? 0 : 1)
      data.dlevels.push(empty + 1)
      this.#fillCell(data, column, value)
    })
  }

  #fillCell(data: ColumnData, { type }: ParquetColumn, cell: ParquetCell): void {
    if (type === 'text') data.values.push(this.#bytesOf(cell as string))
    else if (type !== 'timestamp') data.values.push(cell)
    else {
      data.values.push(this.#bigOf(cell as number))
      data.distinct_values.add(cell)
    }
  }

  /** Keeps the last result: the rows of a tick have the same time. */
  #bigOf(time: number): bigint {
    if (this.#time !== time) [this.#time, this.#bigTime] = [time, BigInt(time)]
    return this.#bigTime
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
const listRecord = (list: List | null) => list && { list: list.map((element) => ({ element })) }
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
function checked(column: ParquetColumn, cell: ParquetCell): ParquetCell {
  if (cell === null) {
    if (column.optional === true) return cell
    throw new Error(`Parquet column ${column.name} is null`)
  }
  const cells = column.list === true ? (cell as List) : null
  const fine = cells === null ? isOf(column.type, cell) : cells.every((one) => isOf(column.type, one))
  if (!fine) throw new Error(`Parquet column ${column.name} can't hold ${JSON.stringify(cell)}`)
  return cell
}

function isOf(type: ParquetColumn['type'], cell: ParquetCell): boolean {
  switch (type) {
    case 'int32':
      return typeof cell === 'number' && (cell | 0) === cell
    case 'int64':
      return Number.isSafeInteger(cell)
    case 'timestamp':
      return Number.isSafeInteger(cell) && (cell as number) >= 0
    case 'text':
      return typeof cell === 'string'
    case 'bool':
      return typeof cell === 'boolean'
  }
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
