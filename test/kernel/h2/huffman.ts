/** Strings of HPACK in Huffman's code. */
import { CODES } from '../../../scripts/huffman/codes.ts'

const BY_SYMBOL = new Map(CODES.map((code) => [code.symbol, code]))

/** The last byte is filled with ones. */
export function huffman(bytes: Uint8Array): Buffer {
  const out: number[] = []
  let bits = ''
  for (const byte of bytes) {
    const { code, length } = BY_SYMBOL.get(byte)!
    bits += code.toString(2).padStart(length, '0')
    for (; bits.length >= 8; bits = bits.slice(8)) out.push(parseInt(bits.slice(0, 8), 2))
  }
  if (bits !== '') out.push(parseInt(bits.padEnd(8, '1'), 2))
  return Buffer.from(out)
}
