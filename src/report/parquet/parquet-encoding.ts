/**
 * What a page consists of, byte for byte as the package encodes it, which a test checks. The package makes a BigInt of each integer of 64
 * bits and a copy of each text, and for each of some thousand runs of levels a copy of all levels so far: that was half of an export.
 */
import plain from 'parquetjs-lite/lib/codec/plain.js'
import rle from 'parquetjs-lite/lib/codec/rle.js'

/** The package's writers use these encoders from now on. */
export function useFastEncoders(): void {
  plain.encodeValues = encodedValues
  rle.encodeValues = (_type, levels, { bitWidth }) => encodedLevels(levels, bitWidth)
}

const others = plain.encodeValues

export function encodedValues(type: string, values: readonly unknown[], options?: object): Buffer {
  switch (type) {
    case 'INT32':
      return encodedInt32(values as readonly number[])
    case 'INT64':
      return encodedInt64(values as readonly (number | bigint)[])
    case 'BYTE_ARRAY':
      return encodedTexts(values as readonly (Buffer | string)[])
    default:
      return others(type, values, options)
  }
}

function encodedInt32(values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length)
  const view = viewOf(bytes)
  for (let i = 0; i < values.length; i++) view.setInt32(4 * i, values[i]!, true)
  return bytes
}

/** @param values numbers are safe integers; the package itself makes a bigint of a timestamp */
function encodedInt64(values: readonly (number | bigint)[]): Buffer {
  const bytes = Buffer.allocUnsafe(8 * values.length)
  const view = viewOf(bytes)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (typeof value === 'bigint') view.setBigInt64(8 * i, value, true)
    else {
      const high = Math.floor(value / 0x100000000)
      view.setUint32(8 * i, value - high * 0x100000000, true)
      view.setInt32(8 * i + 4, high, true)
    }
  }
  return bytes
}

/** Each with its length in front. */
function encodedTexts(values: readonly (Buffer | string)[]): Buffer {
  const texts = values.map((value) => (typeof value === 'string' ? Buffer.from(value) : value))
  const bytes = Buffer.allocUnsafe(texts.reduce((sum, { length }) => sum + 4 + length, 0))
  let at = 0
  for (const text of texts) {
    bytes.writeUInt32LE(text.length, at)
    bytes.set(text, at + 4)
    at += 4 + text.length
  }
  return bytes
}

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)

/** Groups of eight levels as bits, and runs of equal ones, with their length in front. */
export function encodedLevels(levels: readonly number[], bitWidth: number): Buffer {
  const scratch = scratchFor(levels.length)
  let end = 4
  for (let at = 0; at < levels.length;) {
    const bits = endOfBits(levels, at)
    if (bits > at) end = writeBits(scratch, end, levels, at, bits, bitWidth)
    at = bits
    while (at < levels.length && levels[at] === levels[bits]) at++
    if (at > bits) end = writeRun(scratch, end, levels[bits]!, at - bits)
  }
  scratch.writeUInt32LE(end - 4)
  return Buffer.from(scratch.subarray(0, end))
}

let reused = Buffer.alloc(0)

/** Enough for bits of up to eight, and the numbers of each eight of them. */
function scratchFor(levels: number): Buffer {
  if (reused.length < 2 * levels + 64) reused = Buffer.alloc(4 * levels + 64)
  return reused
}

/** A run begins where two levels are equal, at the very first level or after some groups of eight. */
function endOfBits(levels: readonly number[], at: number): number {
  for (let i = at === 0 ? 0 : at + 8; i < levels.length; i += 8) if (levels[i] === levels[i + 1]) return i
  return levels.length
}

/** The last group is filled up with 0. */
function writeBits(
  scratch: Buffer,
  start: number,
  levels: readonly number[],
  from: number,
  to: number,
  bitWidth: number,
): number {
  const groups = Math.ceil((to - from) / 8)
  const begin = writeNumber(scratch, start, groups * 2 + 1)
  const end = begin + groups * bitWidth
  scratch.fill(0, begin, end)
  let bit = begin * 8
  for (let i = from; i < to; i++, bit += bitWidth) {
    for (let of = 0; of < bitWidth; of++) {
      if (((levels[i]! >> of) & 1) === 1) scratch[(bit + of) >> 3]! |= 1 << ((bit + of) & 7)
    }
  }
  return end
}

function writeRun(scratch: Buffer, start: number, level: number, length: number): number {
  const at = writeNumber(scratch, start, length * 2)
  scratch[at] = level
  return at + 1
}

/** LEB128 */
function writeNumber(scratch: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest > 127; rest >>>= 7) scratch[at++] = (rest & 127) | 128
  scratch[at++] = rest
  return at
}
