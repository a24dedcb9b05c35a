/** LEB128 numbers in a buffer that grows: what a cell is packed into. */

export class CellWriter {
  #bytes = new Uint8Array(4096)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** @param value a whole number from 0 to 2^53 */
  number(value: number): void {
    if (this.#length + 10 > this.#bytes.length) this.#grow()
    while (value >= 128) {
      this.#bytes[this.#length++] = (value % 128) + 128
      value = Math.floor(value / 128)
    }
    this.#bytes[this.#length++] = value
  }

  /** A copy of all that was written since the last time. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length)
    this.#length = 0
    return taken
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bytes.length)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

export class CellReader {
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0

  start(bytes: Uint8Array, at: number): void {
    this.#bytes = bytes
    this.#at = at
  }

  number(): number {
    const bytes = this.#bytes
    let byte = bytes[this.#at++]!
    if (byte < 128) return byte
    let value = byte & 127
    for (let place = 128; ; place *= 128) {
      byte = bytes[this.#at++]!
      value += (byte & 127) * place
      if (byte < 128) return value
    }
  }

  skip(numbers: number): void {
    const bytes = this.#bytes
    for (let left = numbers; left > 0; this.#at++) if (bytes[this.#at]! < 128) left--
  }
}
