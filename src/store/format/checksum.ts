/**
 * A 32-bit checksum over the values of a tick, in the order of its keys: SQLite detects a damaged page, but not a flipped bit in a
 * cell. Each step is a bijection of the state, so a single changed value always changes the sum.
 */
import type { SqlValue } from '../sqlite/database.ts'

export const SEED = 0x75707374

export function fold(hash: number, value: SqlValue): number {
  if (typeof value === 'number') return foldNumber(hash, value)
  if (value === null) return step(hash, 0x6e756c6c)
  if (typeof value === 'bigint')
    return foldNumber(foldNumber(hash, Number(value >> 32n)), Number(value & 0xffffffffn))
  if (typeof value === 'string') return foldText(hash, value)
  return foldBytes(hash, value)
}

/** Folds the cells [at, at + width). Most are small whole numbers: they are folded without a call. */
export function foldCells(hash: number, cells: readonly SqlValue[], at: number, width: number): number {
  let folded = hash
  for (let i = at; i < at + width; i++) {
    const cell = cells[i]!
    folded = typeof cell === 'number' && cell === (cell | 0) ? step(folded, cell) : fold(folded, cell)
  }
  return folded
}

export function foldText(hash: number, text: string): number {
  let folded = step(hash, text.length)
  for (let i = 0; i < text.length; i++) folded = step(folded, text.charCodeAt(i))
  return folded
}

function foldBytes(hash: number, bytes: Uint8Array): number {
  let folded = step(hash, bytes.length)
  for (const byte of bytes) folded = step(folded, byte)
  return folded
}

function foldNumber(hash: number, value: number): number {
  const folded = step(hash, value | 0)
  return value > 0x7fffffff || value < -0x80000000 ? step(folded, Math.floor(value / 0x100000000)) : folded
}

function step(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}
