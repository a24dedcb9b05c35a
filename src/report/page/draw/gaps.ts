/** Steps in which nothing was recorded: hatched, never left white as if there had been no traffic. */
import { runsPath, short } from './path.ts'

export const gapPath = (seconds: readonly number[], height: number): string =>
  runsPath((i) => seconds[i] === 0, seconds.length, 0, height)

/** Hatch lines over the whole width of a drawing. */
const LINES = 160

/** Slanted lines to be stroked (non-scaling) over a gapPath: a pattern would be stretched with the drawing. */
export function hatchPath(seconds: readonly number[], height: number): string {
  const pitch = seconds.length / LINES
  let path = ''
  for (let i = 0; i < seconds.length; i++) {
    if (seconds[i] !== 0) continue
    const from = i
    while (seconds[i + 1] === 0) i++
    for (let n = Math.floor(from / pitch) - 1; n * pitch < i + 1; n++)
      path += slantedLine(n * pitch, pitch, from, i + 1, height)
  }
  return path
}

/** From (x, height) up to (x + pitch, 0), and of that what lies in [from, to]. */
function slantedLine(x: number, pitch: number, from: number, to: number, height: number): string {
  const [left, right] = [Math.max(x, from), Math.min(x + pitch, to)]
  if (right <= left) return ''
  const y = (at: number): number => short(height * (1 - (at - x) / pitch))
  return `M${short(left)} ${y(left)}L${short(right)} ${y(right)}`
}
