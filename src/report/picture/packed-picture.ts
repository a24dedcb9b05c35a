/** Pictures as JSON: numbers packed into text, a third of the size of lists of numbers, and decoded in the browser by the same code. */
import type { Buckets } from '../../frame/model/histogram.ts'
import { SERIES, type Picture, type PictureLine, type SeriesName } from './picture.ts'

export interface PackedPicture extends Omit<Picture, 'seconds' | 'lines'> {
  /** in ms */
  readonly seconds: string
  readonly lines: readonly PackedLine[]
}

interface PackedLine extends Pick<PictureLine, 'subject' | 'label'> {
  readonly series: Readonly<Record<SeriesName, string>>
  readonly p50: string
  readonly p99: string
  readonly heat: string | null
}

export const packPicture = (picture: Picture): PackedPicture => ({
  ...picture,
  seconds: packNumbers(picture.seconds.map((seconds) => Math.round(seconds * 1000))),
  lines: picture.lines.map((line) => ({
    subject: line.subject,
    label: line.label,
    series: mapSeries((name) => packNumbers(line.series[name])),
    p50: packTimes(line.p50),
    p99: packTimes(line.p99),
    heat: line.heat && packHeat(line.heat),
  })),
})

/** @throws RangeError if the text is not of `packPicture` */
export const unpackPicture = (packed: PackedPicture): Picture => ({
  ...packed,
  seconds: unpackNumbers(packed.seconds, packed.count).map((ms) => ms / 1000),
  lines: packed.lines.map((line) => ({
    subject: line.subject,
    label: line.label,
    series: mapSeries((name) => unpackNumbers(line.series[name], packed.count)),
    p50: unpackTimes(line.p50, packed.count),
    p99: unpackTimes(line.p99, packed.count),
    heat: line.heat === null ? null : unpackHeat(line.heat, packed.count),
  })),
})

export const mapSeries = <T>(of: (name: SeriesName) => T): Record<SeriesName, T> =>
  Object.fromEntries(SERIES.map((name) => [name, of(name)])) as Record<SeriesName, T>

/** LEB128, base64. A zero is followed by how many more zeros there are, so that an idle route costs nothing. */
export function packNumbers(numbers: readonly number[]): string {
  const bytes = new ByteWriter()
  for (let i = 0; i < numbers.length; i++) {
    bytes.number(numbers[i]!)
    if (numbers[i] !== 0) continue
    const first = i
    while (numbers[i + 1] === 0) i++
    bytes.number(i - first)
  }
  return bytes.text
}

export function unpackNumbers(text: string, count: number): number[] {
  const bytes = new ByteReader(text)
  const numbers: number[] = []
  while (numbers.length < count) {
    const value = bytes.number()
    numbers.push(value)
    if (value === 0)
      for (let more = bytes.number(); more > 0 && numbers.length < count; more--) numbers.push(0)
  }
  return numbers
}

/** Percentiles are midpoints of buckets, so they may end in .5; 0 is "nothing measured". */
const packTimes = (times: readonly (number | null)[]): string =>
  packNumbers(times.map((time) => (time === null ? 0 : Math.round(time * 2) + 1)))
const unpackTimes = (text: string, count: number): (number | null)[] =>
  unpackNumbers(text, count).map((value) => (value === 0 ? null : (value - 1) / 2))

/** For each step the number of buckets, and of each how much its index is beyond the one before, and its count. */
function packHeat(heat: readonly Buckets[]): string {
  const bytes = new ByteWriter()
  for (const buckets of heat) {
    bytes.number(buckets.length / 2)
    for (let i = 0; i < buckets.length; i += 2) {
      bytes.number(buckets[i]! - (i === 0 ? 0 : buckets[i - 2]!))
      bytes.number(buckets[i + 1]!)
    }
  }
  return bytes.text
}

function unpackHeat(text: string, count: number): Buckets[] {
  const bytes = new ByteReader(text)
  return Array.from({ length: count }, () => {
    const buckets: number[] = []
    let bucket = 0
    for (let left = bytes.number(); left > 0; left--) {
      bucket += bytes.number()
      buckets.push(bucket, bytes.number())
    }
    return buckets
  })
}

/** Of a text that is made at once: longer argument lists overflow the stack. */
const AT_ONCE = 8192

class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  /** @param value a whole number from 0 to 2^53 */
  number(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow()
    while (value >= 128) {
      this.#bytes[this.#length++] = (value % 128) + 128
      value = Math.floor(value / 128)
    }
    this.#bytes[this.#length++] = value
  }

  get text(): string {
    const parts: string[] = []
    for (let at = 0; at < this.#length; at += AT_ONCE) {
      const some = this.#bytes.subarray(at, Math.min(at + AT_ONCE, this.#length))
      parts.push(String.fromCharCode(...some))
    }
    return btoa(parts.join(''))
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bytes.length)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

class ByteReader {
  readonly #binary: string
  #at = 0

  constructor(text: string) {
    this.#binary = atob(text)
  }

  number(): number {
    let value = 0
    for (let place = 1; ; place *= 128) {
      if (this.#at >= this.#binary.length) throw new RangeError('a packed picture ends early')
      const byte = this.#binary.charCodeAt(this.#at++)
      value += (byte & 127) * place
      if (byte < 128) return value
    }
  }
}
