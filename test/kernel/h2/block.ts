/** Header blocks of HPACK as a peer may write them that has no dynamic table (RFC 7541, section 6). */
import hpack from 'hpack.js'
import { huffman } from './huffman.ts'

/** As the first byte says; for reading they are one. */
export const LITERALS = { indexing: 0x40, plain: 0x00, never: 0x10 } as const

export interface Field {
  readonly name: string
  readonly value: string
  /** by the static table, where it can be */
  readonly by: 'index' | 'name' | 'nothing'
  readonly literal: keyof typeof LITERALS
  readonly huffmanName: boolean
  readonly huffmanValue: boolean
}

/** A table's size of 0, which may begin a block. */
export const NO_TABLE = Buffer.from([0x20])

const TABLE: readonly { readonly name: string; readonly value: string }[] = hpack['static-table'].table

export function fieldBytes({ name, value, by, literal, huffmanName, huffmanValue }: Field): Buffer {
  const whole = 1 + TABLE.findIndex((entry) => entry.name === name && entry.value === value)
  if (by === 'index' && whole > 0) return integer(0x80, 7, whole)
  const named = by === 'nothing' ? 0 : 1 + TABLE.findIndex((entry) => entry.name === name)
  return Buffer.concat([
    integer(LITERALS[literal], literal === 'indexing' ? 6 : 4, named),
    named > 0 ? Buffer.alloc(0) : string(name, huffmanName),
    string(value, huffmanValue),
  ])
}

function string(text: string, coded: boolean): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const written = coded ? huffman(bytes) : bytes
  return Buffer.concat([integer(coded ? 0x80 : 0, 7, written.length), written])
}

/** In the low bits of a byte, or from there on. */
function integer(first: number, bits: number, value: number): Buffer {
  const most = 2 ** bits - 1
  if (value < most) return Buffer.from([first | value])
  const out = [first | most]
  let left = value - most
  for (; left >= 128; left >>= 7) out.push((left & 127) | 128)
  return Buffer.from([...out, left])
}
