/** Seeded random choices: an input depends only on its seed and its number. */
import { Random } from '../../src/simulate/synth-random.ts'

export class Chance extends Random {
  constructor(seed: number, number: number) {
    super(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(number + 1, 0xc2b2ae35))
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  /** [from, to] */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  /** Mostly small, sometimes large: all orders of magnitude up to `most`. */
  size(most: number): number {
    return Math.floor(most ** this.next())
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }
}
