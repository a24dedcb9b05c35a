/**
 * Rows straight from the pages of a SQLite file, whether or not anything still points at them (sqlite.org/fileformat2.html, sections
 * 1.6 and 2.1). For files in which a page is torn or gone: what it pointed at is still there.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import type { SqlValue } from './database.ts'

export interface RawRow {
  readonly rowid: number
  /** how many columns it has */
  readonly columns: number
  readonly values: () => SqlValue[]
}

export type PageSource = (number: number) => Buffer | null

const TABLE_LEAF = 0x0d

/** Nothing where the page holds no rows of a table with rowids. */
export function* rowsOfPage(page: Buffer, number: number, pageAt: PageSource): Generator<RawRow> {
  const start = number === 1 ? 100 : 0
  if (page[start] !== TABLE_LEAF) return
  const cells = page.readUInt16BE(start + 3)
  const pointers = start + 8
  if (pointers + 2 * cells > page.length) return
  for (let i = 0; i < cells; i++) {
    const row = orNull(() => rowAt(page, page.readUInt16BE(pointers + 2 * i), pageAt))
    if (row !== null) yield row
  }
}

/** A pointer into nowhere throws a RangeError out of Buffer: that cell is lost. */
function orNull<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function rowAt(page: Buffer, at: number, pageAt: PageSource): RawRow {
  const length = varint(page, at)
  const rowid = varint(page, length.next)
  const payload = payloadOf(page, rowid.next, length.value, pageAt)
  const header = headerOf(payload)
  return { rowid: rowid.value, columns: header.types.length, values: () => valuesOf(payload, header) }
}

/** What does not fit into the page goes on in a chain of overflow pages. */
function payloadOf(page: Buffer, at: number, length: number, pageAt: PageSource): Buffer {
  const usable = page.length
  const most = usable - 35
  if (length <= most) return slice(page, at, length)
  if (length > MAX_PAYLOAD) throw new RangeError('no row is that long')
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const fitting = least + ((length - least) % (usable - 4))
  const local = fitting <= most ? fitting : least
  const parts = [slice(page, at, local)]
  let rest = length - local
  for (let next = page.readUInt32BE(at + local); rest > 0;) {
    const overflow = pageAt(next)
    if (overflow === null) throw new RangeError('an overflow page is missing')
    const part = slice(overflow, 4, Math.min(rest, usable - 4))
    parts.push(part)
    rest -= part.length
    next = overflow.readUInt32BE(0)
  }
  return Buffer.concat(parts)
}

const MAX_PAYLOAD = 64 * 2 ** 20

interface RecordHeader {
  readonly types: readonly number[]
  /** where the first value begins */
  readonly body: number
}

function headerOf(payload: Buffer): RecordHeader {
  const size = varint(payload, 0)
  const types: number[] = []
  let at = size.next
  while (at < size.value) {
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
  if (at + length > bytes.length) throw new RangeError('beyond the page')
  return bytes.subarray(at, at + length)
}

/** SQLite's own varint: big-endian, the ninth byte whole. */
function varint(bytes: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0
  for (let i = 0; i < 8; i++) {
    const byte = bytes.readUInt8(at + i)
    value = value * 128 + (byte & 127)
    if (byte < 128) return { value, next: at + i + 1 }
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), next: at + 9 }
}

/** All pages of a file, in order; the last one only if it is whole. */
export function* pagesOf(
  bytes: Buffer | string,
  size: number,
): Generator<readonly [number: number, page: Buffer]> {
  const source = pageSource(bytes, size)
  try {
    for (let number = 1; ; number++) {
      const page = source.page(number)
      if (page === null) return
      yield [number, page]
    }
  } finally {
    source.close()
  }
}

export interface OpenPages {
  readonly page: PageSource
  readonly close: () => void
}

/** @param bytes the file's content, or its path */
export function pageSource(bytes: Buffer | string, size: number): OpenPages {
  if (typeof bytes !== 'string') {
    return {
      page: (number) =>
        number * size <= bytes.length ? bytes.subarray((number - 1) * size, number * size) : null,
      close: () => undefined,
    }
  }
  const descriptor = openSync(bytes, 'r')
  return {
    page: (number) => {
      const page = Buffer.alloc(size)
      return readSync(descriptor, page, 0, size, (number - 1) * size) === size ? page : null
    },
    close: () => closeSync(descriptor),
  }
}
