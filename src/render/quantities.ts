/** The only file that turns quantities into text. All results are ASCII except `–` for "nothing measured" and `µ`. */
import type { Micros } from '../frame/model/units.ts'

export const NOTHING = '–'

/** `850µs`, `2.1ms`, `140ms`, `1.24s`, `2m05s`: three significant digits, at most six cells. */
export function latency(span: Micros | null): string {
  if (span === null) return NOTHING
  if (span < 999.5) return `${Math.round(span)}µs`
  if (span < 999_500) return `${significant(span / 1000)}ms`
  if (span < 59_950_000) return `${significant(span / 1_000_000)}s`
  return longSpan(span)
}

/** `0.45 µs`, `12.3 µs`: what a probe costs. */
export function nanoseconds(span: number): string {
  const microseconds = span / 1000
  return `${microseconds.toFixed(microseconds < 9.995 ? 2 : 1)} µs`
}

/** `40s`, `2m05s`, `3h12m`, `2d04h`. @param span µs */
export function longSpan(span: number): string {
  const seconds = Math.round(span / 1_000_000)
  if (seconds < 60)
    return span < 9_950_000 && span % 1_000_000 !== 0 ? `${(span / 1e6).toFixed(1)}s` : `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${twoDigits(seconds % 60)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`
  return `${Math.floor(minutes / 1440)}d${twoDigits(Math.floor(minutes / 60) % 24)}h`
}

/** Requests per second, at most five cells: `0`, `0.4`, `9.5`, `104`, `9999`, `12.4k`, `1.2M`. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0'
  if (perSecond < 0.05) return '<0.1'
  if (perSecond < 9.95) return perSecond.toFixed(1).replace('.0', '')
  return count(Math.round(perSecond))
}

/** A count in at most five cells: `0`, `9999`, `12.4k`, `3.1M`. */
export function count(value: number): string {
  if (value < 10_000) return String(Math.round(value))
  if (value < 999_950) return `${(value / 1e3).toFixed(value < 99_950 ? 1 : 0)}k`
  if (value < 999_950_000) return `${(value / 1e6).toFixed(value < 99_950_000 ? 1 : 0)}M`
  return `${(value / 1e9).toFixed(1)}G`
}

/** `1,234,567`: a count in reports, not rounded. */
export const exactCount = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',')

/** `12.3%`, `1.23%`, `0.04%`: a share in reports. */
export function finePercent(ratio: number | null): string {
  if (ratio === null) return NOTHING
  const hundred = ratio * 100
  if (hundred > 0 && hundred < 0.005) return '<0.01%'
  return `${hundred.toFixed(hundred < 9.995 && hundred > 0 ? 2 : hundred === 0 ? 0 : 1)}%`
}

/** `42%`. A ratio above 0 is never shown as 0 %, and one below 1 never as 100 %. */
export function percent(ratio: number | null): string {
  if (ratio === null) return NOTHING
  const rounded = Math.round(ratio * 100)
  if (rounded === 0 && ratio > 0) return '<1%'
  if (rounded === 100 && ratio < 1) return '99%'
  return `${rounded}%`
}

/** `99.7 %`, `100 %`: one decimal, rounded down so that a loss stays visible. */
export function precisePercent(ratio: number): string {
  // Ticks start some µs late. This is no loss.
  if (ratio >= 1 - 5e-6) return '100 %'
  return `${(Math.floor(ratio * 1000 + 1e-9) / 10).toFixed(1)} %`
}

/** `512 B`, `4.1 kB`, `25.0 MB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let scaled = value
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return unit === 0 ? `${value} B` : `${scaled.toFixed(1)} ${units[unit]!}`
}

/** `1 request`, `12 requests`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

/** At most three digits: 2.1, 14, 140. */
function significant(value: number): string {
  if (value < 9.95) return value.toFixed(1)
  return String(Math.round(value))
}

const twoDigits = (value: number): string => String(value).padStart(2, '0')
