/**
 * Reads rows straight from the pages of a SQLite file, also from pages that are no longer linked (sqlite.org/fileformat2.html, sections
 * 1.6 and 2.1). Used if a page is torn or missing: the pages that it pointed to still exist.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import type { SqlValue } from '../sqlite/database.ts'
import { PAGE_SIZE } from '../sqlite/page-size.ts'

export interface RawRow {
  readonly rowid: number
  /** number of columns */
  readonly columns: number
  /** bytes in its leaf page, without overflow pages */
  readonly local: number
  readonly values: () => SqlValue[]
}

/** The pages of one file, and a budget for reading overflow pages. */
export interface Pages {
  /** null beyond the end */
  readonly page: (number: number) => Buffer | null
  /** bytes that may still be read from overflow pages. In a valid file each such page belongs to one row, so the size of the file is enough. */
  overflow: number
  readonly close: () => void
}

const TABLE_LEAF = 0x0d
const TABLE_INTERIOR = 0x05

/** The rows of a leaf page of a table; none for other pages. */
export function* rowsOfPage(page: Buffer, number: number, pages: Pages): Generator<RawRow> {
  const start = number === 1 ? 100 : 0
  if (page[start] !== TABLE_LEAF) return
  const cells = page.readUInt16BE(start + 3)
  const pointers = start + 8
  if (pointers + 2 * cells > page.length) return
  // Cells never overlap, so together they are no larger than the page. A hostile page may break that.
  let room = page.length
  for (let i = 0; i < cells && room > 0; i++) {
    const row = nullIfOutside(() => rowAt(page, page.readUInt16BE(pointers + 2 * i), pages))
    if (row === null) continue
    room -= row.local
    yield row
  }
}

/**
 * Every row of one table, read from its root page on.
 * @throws CorruptRow if a page of the tree is missing, is linked twice, or is no table page
 */
export function* rowsOfTable(root: number, pages: Pages): Generator<RawRow> {
  const seen = new Set<number>()
  const pending = [root]
  for (let number = pending.pop(); number !== undefined; number = pending.pop()) {
    const page = seen.has(number) ? null : pages.page(number)
    if (page === null) throw new CorruptRow(`page ${number} is missing or linked twice`)
    seen.add(number)
    const children = childrenOf(page, number)
    if (children === null) yield* rowsOfPage(page, number, pages)
    else for (const child of children.reverse()) pending.push(child)
  }
}

/** The child pages in the order of their rows; null for a leaf. */
function childrenOf(page: Buffer, number: number): number[] | null {
  const start = number === 1 ? 100 : 0
  if (page[start] === TABLE_LEAF) return null
  if (page[start] !== TABLE_INTERIOR) throw new CorruptRow(`page ${number} is no table page`)
  const cells = page.readUInt16BE(start + 3)
  const pointers = start + 12
  if (pointers + 2 * cells > page.length)
    throw new CorruptRow(`page ${number} has more cells than it has room for`)
  const children: number[] = []
  for (let i = 0; i < cells; i++) {
    const at = page.readUInt16BE(pointers + 2 * i)
    if (at + 4 > page.length) throw new CorruptRow(`page ${number} has a pointer beyond its end`)
    children.push(page.readUInt32BE(at))
  }
  children.push(page.readUInt32BE(start + 8))
  return children
}

/** null if a pointer leads outside the page: Buffer throws a RangeError, and the cell is lost. */
function nullIfOutside<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function rowAt(page: Buffer, at: number, pages: Pages): RawRow {
  const length = varint(page, at)
  const rowid = varint(page, length.next)
  const local = localBytes(page.length, length.value)
  const payload = payloadOf(page, rowid.next, { length: length.value, local }, pages)
  const header = headerOf(payload)
  return {
    rowid: rowid.value,
    columns: header.types.length,
    local: rowid.next - at + local,
    values: () => valuesOf(payload, header),
  }
}

/** Bytes of a payload in the leaf page; the rest is in overflow pages. */
function localBytes(usable: number, length: number): number {
  const most = usable - 35
  if (length <= most) return length
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const fitting = least + ((length - least) % (usable - 4))
  return fitting <= most ? fitting : least
}

/** The whole payload: the part that does not fit into the page is in a chain of overflow pages. */
function payloadOf(
  page: Buffer,
  at: number,
  { length, local }: { readonly length: number; readonly local: number },
  pages: Pages,
): Buffer {
  const parts = [slice(page, at, local)]
  if (local === length) return parts[0]!
  pages.overflow -= length
  if (pages.overflow < 0) throw new RangeError('the rows are longer than the file')
  let rest = length - local
  for (let next = page.readUInt32BE(at + local); rest > 0;) {
    const overflow = pages.page(next)
    if (overflow === null) throw new RangeError('an overflow page is missing')
    const part = slice(overflow, 4, Math.min(rest, page.length - 4))
    parts.push(part)
    rest -= part.length
    next = overflow.readUInt32BE(0)
  }
  return Buffer.concat(parts)
}

/** SQLite's limit. */
const MAX_COLUMNS = 2000

interface RecordHeader {
  readonly types: readonly number[]
  /** offset of the first value */
  readonly body: number
}

function headerOf(payload: Buffer): RecordHeader {
  const size = varint(payload, 0)
  const types: number[] = []
  let at = size.next
  while (at < size.value) {
    if (types.length === MAX_COLUMNS) throw new RangeError('a row has too many columns')
    const type = varint(payload, at)
    types.push(type.value)
    at = type.next
  }
  const length = types.reduce((sum, type) => sum + lengthOf(type), size.value)
  if (length > payload.length) throw new RangeError('a row is longer than its cell')
  return { types, body: size.value }
}

function valuesOf(payload: Buffer, { types, body }: RecordHeader): SqlValue[] {
  let at = body
  return types.map((type) => {
    const value = valueOf(payload, at, type)
    at += lengthOf(type)
    return value
  })
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]
const lengthOf = (type: number): number =>
  type < 12 ? (INTEGER_BYTES[type] ?? 0) : Math.floor((type - 12) / 2)

function valueOf(payload: Buffer, at: number, type: number): SqlValue {
  if (type === 0) return null
  if (type <= 5) return payload.readIntBE(at, INTEGER_BYTES[type]!)
  if (type === 6) return asNumber(payload.readBigInt64BE(at))
  if (type === 7) return payload.readDoubleBE(at)
  if (type <= 9) return type - 8
  const bytes = slice(payload, at, lengthOf(type))
  return type % 2 === 0 ? bytes : bytes.toString('utf8')
}

const asNumber = (value: bigint): number | bigint =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value

function slice(bytes: Buffer, at: number, length: number): Buffer {
  if (at + length > bytes.length) throw new RangeError('the cell ends beyond the page')
  return bytes.subarray(at, at + length)
}

/** SQLite's varint: big-endian, seven bits per byte; a ninth byte has eight. */
function varint(bytes: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0
  for (let i = 0; i < 8; i++) {
    const byte = bytes.readUInt8(at + i)
    value = value * 128 + (byte & 127)
    if (byte < 128) return { value, next: at + i + 1 }
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), next: at + 9 }
}

/** All complete pages of a file, in order. */
export function* allPages({ page }: Pages): Generator<readonly [number: number, page: Buffer]> {
  for (let number = 1; ; number++) {
    const content = page(number)
    if (content === null) return
    yield [number, content]
  }
}

/** The pages of a file, some of them replaced, for example by a -wal. */
export function overlaid(pages: Pages, over: ReadonlyMap<number, Buffer>): Pages {
  return {
    page: (number) => over.get(number) ?? pages.page(number),
    overflow: pages.overflow + over.size * PAGE_SIZE,
    close: () => pages.close(),
  }
}

/** @param file its content or its path; @param size of a page, bytes */
export function openPages(file: Buffer | string, size: number): Pages {
  if (typeof file !== 'string') {
    return {
      page: (number) =>
        number >= 1 && number * size <= file.length
          ? file.subarray((number - 1) * size, number * size)
          : null,
      overflow: file.length,
      close: () => undefined,
    }
  }
  const descriptor = openSync(file, 'r')
  return {
    page: (number) => {
      const page = Buffer.alloc(size)
      const isWhole = number >= 1 && readSync(descriptor, page, 0, size, (number - 1) * size) === size
      return isWhole ? page : null
    },
    overflow: fstatSync(descriptor).size,
    close: () => closeSync(descriptor),
  }
}
