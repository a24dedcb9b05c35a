/**
 * A column's cells since its last page, as the bytes that the page will have: a cell costs no object. Integers that the package would
 * round or cut silently are refused.
 */
import { gzipSync } from 'node:zlib'
import types, { type Page, type Statistics } from 'parquetjs-lite/gen-nodejs/parquet_types.js'
import { isList, type Cells, type ListCells, type Scalar } from '../table-columns.ts'
import type { ParquetColumn } from '../table-file.ts'
import { encodedLevels, Levels } from './levels.ts'
import { thriftOf } from './parquet-footer.ts'

/** Saves 45 % of the time of the usual 6, and the files are 3 % larger. */
export const GZIP_LEVEL = 5

export class ColumnPage {
  readonly #column: ParquetColumn
  readonly #bytesOf: (text: string) => Buffer
  readonly #repetition = new Levels()
  readonly #definition = new Levels()
  #bytes = Buffer.allocUnsafe(32_768)
  #view = viewOf(this.#bytes)
  #end = 0
  #values = 0
  /** of timestamps: only they have statistics */
  #distinct = new Set<number>()

  /** @param bytesOf UTF-8, with the length of it in front */
  constructor(column: ParquetColumn, bytesOf: (text: string) => Buffer) {
    this.#column = column
    this.#bytesOf = bytesOf
  }

  /** @param start where the first row's list begins. @returns where the list of the row after the last one begins */
  append(cells: Cells, start: number, from: number, count: number): number {
    const { list, optional } = this.#column
    if (isList(cells) !== (list === true)) this.#fail(cells)
    if (isList(cells)) return this.#appendLists(cells, start, from, count)
    if (optional === true) this.#appendOptional(cells, from, from + count)
    else {
      this.#definition.fill(0, count)
      this.#put(cells, from, from + count)
    }
    return start
  }

  /** By runs of cells that are known, and of those that are not. */
  #appendOptional(cells: readonly (Scalar | null)[], from: number, to: number): void {
    for (let at = from; at < to;) {
      const begin = at
      const isKnown = cells[at] !== null
      while (at < to && (cells[at] !== null) === isKnown) at++
      this.#definition.fill(isKnown ? 1 : 0, at - begin)
      if (isKnown) this.#put(cells, begin, at)
    }
  }

  /** Definition levels count what is there: the list where it may be null, then an element. */
  #appendLists({ lengths, values }: ListCells, start: number, from: number, count: number): number {
    const empty = this.#column.optional === true ? 1 : 0
    let end = start
    for (let row = from; row < from + count; row++) {
      const length = lengths[row]!
      if (length < 0 && empty === 0) this.#fail(null)
      this.#repetition.push(0)
      if (length <= 0) {
        this.#definition.push(length < 0 ? 0 : empty)
        continue
      }
      this.#repetition.fill(1, length - 1)
      this.#definition.fill(empty + 1, length)
      end += length
    }
    this.#put(values, start, end)
    return end
  }

  #put(values: readonly (Scalar | null)[], from: number, to: number): void {
    switch (this.#column.type) {
      case 'int32':
        this.#putInt32(values, from, to)
        break
      case 'int64':
        this.#putInt64(values, from, to)
        break
      case 'timestamp':
        this.#putTimestamps(values, from, to)
        break
      case 'text':
        this.#putTexts(values, from, to)
    }
    this.#values += to - from
  }

  #putInt32(values: readonly unknown[], from: number, to: number): void {
    this.#reserve(4 * (to - from))
    for (let i = from; i < to; i++) {
      const value = values[i]
      if (typeof value !== 'number' || (value | 0) !== value) this.#fail(value)
      this.#view.setInt32(this.#end, value, true)
      this.#end += 4
    }
  }

  #putInt64(values: readonly unknown[], from: number, to: number): void {
    this.#reserve(8 * (to - from))
    for (let i = from; i < to; i++) {
      const value = values[i]
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) this.#fail(value)
      const high = Math.floor(value / 0x100000000)
      this.#view.setUint32(this.#end, value - high * 0x100000000, true)
      this.#view.setInt32(this.#end + 4, high, true)
      this.#end += 8
    }
  }

  #putTimestamps(values: readonly unknown[], from: number, to: number): void {
    this.#putInt64(values, from, to)
    let last = -1
    for (let i = from; i < to; i++) {
      const value = values[i] as number
      if (value < 0) this.#fail(value)
      if (value !== last) this.#distinct.add((last = value))
    }
  }

  #putTexts(values: readonly unknown[], from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const value = values[i]
      if (typeof value !== 'string') this.#fail(value)
      const bytes = this.#bytesOf(value)
      this.#reserve(bytes.length)
      this.#bytes.set(bytes, this.#end)
      this.#end += bytes.length
    }
  }

  #reserve(length: number): void {
    if (this.#end + length <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(2 * (this.#bytes.length + length))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
    this.#view = viewOf(grown)
  }

  #fail(value: unknown): never {
    throw new Error(`Parquet column ${this.#column.name} can't hold ${JSON.stringify(value)}`)
  }

  /** The page of all cells since the last call. @param firstRow of the row group */
  take(firstRow: number): Page {
    const { optional, list, type } = this.#column
    const levels: Buffer[] = []
    const repetition = this.#repetition.take()
    const definition = this.#definition.take()
    if (list === true) levels.push(encodedLevels(repetition, 1))
    const most = (list === true ? 1 : 0) + (optional === true ? 1 : 0)
    if (most > 0) levels.push(encodedLevels(definition, most))
    const body = Buffer.concat([...levels, this.#bytes.subarray(0, this.#end)])
    const compressed = gzipSync(body, { level: GZIP_LEVEL })
    const statistics = type === 'timestamp' ? this.#statistics(definition.length) : undefined
    const page = {
      page: Buffer.concat([
        headerOf(definition.length, body.length, compressed.length, statistics),
        compressed,
      ]),
      first_row_index: firstRow,
      num_values: definition.length,
      distinct_values: this.#distinct,
      ...(statistics && { statistics }),
    }
    this.#end = 0
    this.#values = 0
    this.#distinct = new Set()
    return page
  }

  #statistics(cells: number): Statistics {
    let [min, max] = [Infinity, -Infinity]
    for (const value of this.#distinct) {
      if (value < min) min = value
      if (value > max) max = value
    }
    return {
      null_count: cells - this.#values,
      distinct_count: this.#distinct.size,
      ...(this.#distinct.size > 0 && { min_value: min, max_value: max }),
    }
  }
}

function headerOf(
  values: number,
  uncompressed: number,
  compressed: number,
  statistics: Statistics | undefined,
): Buffer {
  const page = new types.DataPageHeader()
  page.num_values = values
  page.encoding = types.Encoding.PLAIN
  page.definition_level_encoding = types.Encoding.RLE
  page.repetition_level_encoding = types.Encoding.RLE
  if (statistics !== undefined) page.statistics = encodedStatistics(statistics)
  const header = new types.PageHeader()
  header.type = types.PageType.DATA_PAGE
  header.uncompressed_page_size = uncompressed
  header.compressed_page_size = compressed
  header.data_page_header = page
  return thriftOf(header)
}

/** As the package writes them: the bounds under their old names, too. */
function encodedStatistics({ min_value, max_value, ...counts }: Statistics): object {
  const [min, max] = [min_value, max_value].map((value) => (value === undefined ? null : int64Bytes(value)))
  return new types.Statistics({ ...counts, min, max, min_value: min, max_value: max })
}

function int64Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)
