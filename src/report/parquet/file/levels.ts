/**
 * Repetition and definition levels of a page, byte for byte as the package encodes them, which a test checks: the package makes a copy of
 * all levels so far for each of some thousand runs.
 */

/** Small numbers, in a buffer that grows. */
export class Levels {
  #levels = new Uint8Array(4096)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(level: number): void {
    if (this.#length === this.#levels.length) this.#grow(1)
    this.#levels[this.#length++] = level
  }

  /** `count` times the same. */
  fill(level: number, count: number): void {
    if (this.#length + count > this.#levels.length) this.#grow(count)
    this.#levels.fill(level, this.#length, this.#length + count)
    this.#length += count
  }

  /** The levels since the last call. Valid until the next one is pushed. */
  take(): Uint8Array {
    const taken = this.#levels.subarray(0, this.#length)
    this.#length = 0
    return taken
  }

  #grow(by: number): void {
    const grown = new Uint8Array(2 * (this.#levels.length + by))
    grown.set(this.#levels)
    this.#levels = grown
  }
}

/** Groups of eight levels as bits, and runs of equal ones, with their length in front. */
export function encodedLevels(levels: ArrayLike<number>, bitWidth: number): Buffer {
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
function endOfBits(levels: ArrayLike<number>, at: number): number {
  for (let i = at === 0 ? 0 : at + 8; i < levels.length; i += 8) if (levels[i] === levels[i + 1]) return i
  return levels.length
}

/** The last group is filled up with 0. */
function writeBits(
  scratch: Buffer,
  start: number,
  levels: ArrayLike<number>,
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
