/** Sizes and durations of the options that bound a recording. */
import { usageError } from '../../errors.ts'
import { parseDuration } from '../../frame/time.ts'
import type { Micros } from '../../frame/units.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, B: 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }
const BINARY: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** `500MB`, `2GiB`, `1.5g`: bytes. */
export const size =
  (option: string, least = 0) =>
  (text: string): number => {
    const [, count = '', letter = '', binary] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(text.trim()) ?? []
    const unit = (binary === 'i' || binary === 'I' ? BINARY : UNITS)[letter.toUpperCase()]
    const bytes = unit === undefined || count === '' ? NaN : Math.round(Number(count) * unit)
    if (bytes >= least) return bytes
    const remedy =
      least > 0 ? `for example ${option} 500MB; at least ${least / 1e6}MB` : `for example ${option} 500MB`
    throw usageError(`${option} "${text}" is not a size`, remedy)
  }

/** `24h`, `90s`, `7d` */
export const duration =
  (option: string) =>
  (text: string): Micros => {
    const span = parseDuration(text)
    if (span !== null && span > 0) return span
    throw usageError(`${option} "${text}" is not a duration`, `for example ${option} 24h`)
  }
