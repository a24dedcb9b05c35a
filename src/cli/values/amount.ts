/** Sizes and durations: `500MB`, `24h`. */
import { usageError } from '../../errors.ts'
import type { Micros } from '../../frame/model/units.ts'
import { parseDuration } from '../../frame/time/time.ts'

const PREFIXES = ['', 'k', 'm', 'g', 't']

/** A parser of sizes in bytes for an option. `MB` and `M` are powers of ten, as for disks and mail attachments; `MiB` is 2^20. */
export const size =
  (option: string) =>
  (text: string): number => {
    const [, number, prefix = '', binary] = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i(?=b))?)?b?$/i.exec(text) ?? []
    if (number === undefined)
      throw usageError(`${option} "${text}" is no size`, `for example ${option} 500MB`)
    return Math.round(Number(number) * (binary ? 1024 : 1000) ** PREFIXES.indexOf(prefix.toLowerCase()))
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
