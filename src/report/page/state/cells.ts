/** The order of cells that are text: `999µs` before `2.1ms`, `<0.1` before `0.1`, nothing measured before all. Pure. */
const UNITS: Readonly<Record<string, number>> = {
  µs: 1,
  ms: 1e3,
  s: 1e6,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  '%': 1,
  '': 1,
}

export function compareCells(a: string, b: string): number {
  const [left, right] = [valueOf(a), valueOf(b)]
  if (left !== null && right !== null) return left - right
  return a < b ? -1 : a > b ? 1 : 0
}

/** null: it is no quantity */
function valueOf(text: string): number | null {
  if (text === '–' || text === '') return -1
  const [, less, number, unit] = /^(<?)([\d.,]+)(µs|ms|s|k|M|G|%|)$/.exec(text) ?? []
  if (number === undefined) return spanOf(text)
  return Number(number.replaceAll(',', '')) * UNITS[unit ?? '']! - (less === '<' ? 1e-9 : 0)
}

/** `2m05s` in µs */
function spanOf(text: string): number | null {
  const [, minutes, seconds] = /^(\d+)m(\d\d)s$/.exec(text) ?? []
  return minutes === undefined ? null : (Number(minutes) * 60 + Number(seconds)) * 1e6
}
