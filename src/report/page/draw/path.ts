/** Path data of numbers. */

/** Two digits behind the point are less than a pixel. */
export const short = (value: number): number => Math.round(value * 100) / 100

/**
 * Bars from `base` to where `edge` says, one a step, those side by side as one area. @param edge null: no bar
 */
export function areaPath(edge: (index: number) => number | null, count: number, base: number): string {
  let path = ''
  let last: number | null = null
  for (let i = 0; i <= count; i++) {
    const y = i < count ? edge(i) : null
    if (y === last) continue
    if (last === null) path += `M${i} ${base}V${y!}`
    else path += y === null ? `H${i}V${base}Z` : `H${i}V${y}`
    last = y
  }
  return path
}

/** Rectangles of the runs of steps for which it is true. */
export function runsPath(
  isIn: (index: number) => boolean,
  count: number,
  top: number,
  height: number,
): string {
  let path = ''
  for (let i = 0; i < count; i++) {
    if (!isIn(i)) continue
    const first = i
    while (i + 1 < count && isIn(i + 1)) i++
    const width = i + 1 - first
    path += `M${first} ${top}h${width}v${height}h${-width}z`
  }
  return path
}
