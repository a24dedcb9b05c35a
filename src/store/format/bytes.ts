/** LEB128 variable-length integers, for histograms and minute series. Exact up to 2^53. */
import { CorruptRow } from '../sqlite/corrupt-row.ts'

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(256)
  #length = 0

  /** @param value a whole number, not negative */
  unsigned(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow()
    this.#length = writeUnsigned(this.#bytes, this.#length, value)
  }

  /** Small numbers of either sign stay short: 0, -1, 1, -2, … */
  signed(value: number): void {
    this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** A copy of the bytes written since the last `take`. */
  take(): Buffer {
    const length = this.#length
    this.#length = 0
    return Buffer.from(this.#bytes.subarray(0, length))
  }

  #grow(): void {
    const larger = Buffer.allocUnsafe(this.#bytes.length * 2)
    this.#bytes.copy(larger)
    this.#bytes = larger
  }
}

/** @returns the offset of the next byte. A number takes eight bytes at most. */
export function writeUnsigned(bytes: Uint8Array, at: number, value: number): number {
  let next = at
  let rest = value
  while (rest > 0x7fffffff) {
    bytes[next++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest > 127) {
    bytes[next++] = (rest & 127) | 0x80
    rest >>>= 7
  }
  bytes[next++] = rest
  return next
}

export function exact(value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw new CorruptRow('a packed column holds a number that is too large')
}

export class ByteReader {
  #at = 0

  constructor(readonly bytes: ArrayLike<number>) {}

  get done(): boolean {
    return this.#at >= this.bytes.length
  }

  unsigned(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.bytes[this.#at++]
      if (byte === undefined) throw new CorruptRow('a packed column ends early')
      value += (byte & 127) * scale
      if (byte < 128) return exact(value)
      scale *= 128
    }
  }

  signed(): number {
    const value = this.unsigned()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
