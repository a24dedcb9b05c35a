/** Sizes and durations: `500MB`, `24h`. */
import { usageError } from '../../errors.ts'
import type { Micros } from '../../frame/model/units.ts'
import { parseDuration } from '../../frame/time/time.ts'

/** Powers of ten, as for disks and mail attachments. */
const BYTES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 }

/** A parser of sizes in bytes for an option. */
export const size =
  (option: string) =>
  (text: string): number => {
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text) ?? []
    if (number === undefined)
      throw usageError(`${option} "${text}" is no size`, `for example ${option} 500MB`)
    return Math.round(Number(number) * BYTES[unit.toLowerCase()]!)
  }

/** A parser of durations for an option. */
export const duration =
  (option: string, example = '24h') =>
  (text: string): Micros => {
    const span = parseDuration(text)
    if (span === null)
      throw usageError(`${option} "${text}" is no duration`, `for example ${option} ${example}`)
    return span
  }
