import { usageError } from '../../errors.ts'

/** `--speed N`: 0.25 to 64; `x` or `×` may follow. */
export function speedOption(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?)[x×]?$/.exec(text) ?? []
  const speed = Number(number)
  if (speed >= 0.25 && speed <= 64) return speed
  throw usageError(`--speed "${text}" is no speed`, 'Give a number from 0.25 to 64; 1 is as it was.')
}
