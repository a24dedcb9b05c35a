/**
 * Layouts 1 (plain) and 2 (deflated) of a request chunk, which early recordings hold: LEB128, column after column. Read, no longer written.
 */
import { inflateRawSync } from 'node:zlib'
import { ByteReader } from './bytes.ts'
import type { ChunkColumns } from './chunk-columns.ts'
import { CorruptRow } from '../sqlite/corrupt-row.ts'
import { MAX_LISTED } from './limits.ts'

export function varintColumns(columns: Uint8Array, n: number): ChunkColumns {
  if (n > columns.length) throw new CorruptRow('a request chunk holds another number of requests')
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
  if (!reader.done) throw new CorruptRow('a request chunk holds another number of requests')
  return all
}

/** Zigzag + 1, 0 for none, becomes what ChunkColumns says. */
function fromZigzag(value: number): number {
  if (value === 0) return 0
  return value % 2 === 1 ? (value + 1) / 2 : -value / 2
}

/** Bytes of a request: seven numbers. */
const LONGEST = 7 * 8

export function inflated(columns: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(columns, { maxOutputLength: MAX_LISTED * LONGEST })
  } catch (error) {
    throw new CorruptRow(`a request chunk cannot be inflated: ${String(error)}`)
  }
}
