/** The same picture in fewer, longer steps, for a drawing that is smaller than the picture. */
import { sumBuckets } from '../../frame/model/histogram.ts'
import { mergedTime } from './merged-time.ts'
import { mapSeries } from './packed-picture.ts'
import type { Picture, PictureLine } from './picture.ts'

/**
 * Counts add up. Percentiles of several steps with times are of the heat, and null without it. A stretch behind a folded hole begins to
 * the length of a step: places in time are those of the finer picture divided by `factor`.
 */
export function coarser(picture: Picture, factor: number): Picture {
  if (factor <= 1) return picture
  const count = Math.ceil(picture.count / factor)
  const groups = <T, U>(values: readonly T[], of: (group: readonly T[]) => U): U[] =>
    Array.from({ length: count }, (_, i) => of(values.slice(i * factor, (i + 1) * factor)))
  const lineOf = (line: PictureLine): PictureLine => {
    const heat = line.heat && groups(line.heat, sumBuckets)
    const times = (name: 'p50' | 'p99', q: number): (number | null)[] =>
      groups(line[name], (own) => own).map((own, i) => mergedTime(heat?.[i] ?? null, q, own))
    return {
      ...line,
      series: mapSeries((name) => groups(line.series[name], sumOf)),
      p50: times('p50', 0.5),
      p99: times('p99', 0.99),
      heat,
    }
  }
  return {
    ...picture,
    count,
    step: picture.step * factor,
    starts: picture.starts.map(([index, second]) => [Math.floor(index / factor), second]),
    seconds: groups(picture.seconds, sumOf),
    lines: picture.lines.map(lineOf),
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
