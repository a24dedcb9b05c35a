import { usageError } from '../../errors.ts'

/** A parser of whole numbers in [least, most] for an option. */
export const wholeNumber =
  (option: string, least: number, most: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (value >= least && value <= most) return value
    throw usageError(
      `${option} "${text}" is no whole number from ${least} to ${most}`,
      `For example ${option} ${Math.max(least, 1)}.`,
    )
  }

/** A parser of numbers of seconds, fractions allowed, `s` at the end too. */
export const seconds =
  (option: string) =>
  (text: string): number => {
    const value = /^\d+(\.\d+)?s?$/.test(text) ? Number.parseFloat(text) : NaN
    if (Number.isFinite(value)) return value
    throw usageError(`${option} "${text}" is not a number of seconds`, `for example ${option} 60`)
  }
