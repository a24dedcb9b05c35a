/**
 * Layouts 1 (plain) and 2 (deflated) of a request chunk: LEB128, column after column. Early recordings have them; new ones do not.
 */
import { inflateRawSync } from 'node:zlib'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { ByteReader } from './bytes.ts'
import type { ChunkColumns } from './chunk-columns.ts'
import { MAX_LISTED } from './limits.ts'

export function varintColumns(columns: Uint8Array, n: number): ChunkColumns {
  if (n > columns.length) throw new CorruptRow('a request chunk has a wrong number of requests')
  const reader = new ByteReader(columns)
  const pairs: [number, number][] = []
  const list = (take: () => number): number[] => Array.from({ length: n }, take)
  const all = {
    pairs,
    pair: list(() => {
      const index = reader.unsigned()
      if (index === pairs.length) pairs.push([reader.unsigned(), reader.unsigned()])
      return index
    }),
    outcome: list(() => reader.unsigned()),
    at: list(() => reader.signed()),
    header: list(() => reader.unsigned()),
    total: list(() => fromZigzag(reader.unsigned())),
  }
  if (!reader.done) throw new CorruptRow('a request chunk has a wrong number of requests')
  return all
}

/** From zigzag + 1 (0: none) to the form of ChunkColumns.total. */
function fromZigzag(value: number): number {
  if (value === 0) return 0
  return value % 2 === 1 ? (value + 1) / 2 : -value / 2
}

/** Bytes per request at most: seven numbers of eight bytes. */
const LONGEST = 7 * 8

export function inflated(columns: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(columns, { maxOutputLength: MAX_LISTED * LONGEST })
  } catch (error) {
    throw new CorruptRow(`a request chunk cannot be inflated: ${String(error)}`)
  }
}
