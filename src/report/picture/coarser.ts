/** The same picture in fewer, longer steps, for a drawing that is smaller than the picture. */
import { percentile, sumBuckets, type Buckets } from '../../frame/model/histogram.ts'
import { micros } from '../../frame/model/units.ts'
import { mapSeries } from './packed-picture.ts'
import type { Picture, PictureLine } from './picture.ts'

/**
 * Counts add up. Percentiles are of the heat, to the width of a bucket, and null without it. A stretch behind a folded hole begins
 * to the length of a step: places in time are those of the finer picture divided by `factor`.
 */
export function coarser(picture: Picture, factor: number): Picture {
  if (factor <= 1) return picture
  const count = Math.ceil(picture.count / factor)
  const groups = <T, U>(values: readonly T[], of: (group: readonly T[]) => U): U[] =>
    Array.from({ length: count }, (_, i) => of(values.slice(i * factor, (i + 1) * factor)))
  const lineOf = (line: PictureLine): PictureLine => {
    const heat = line.heat && groups(line.heat, sumBuckets)
    const times = (q: number): (number | null)[] => groupTimes(heat, q, count)
    return {
      ...line,
      series: mapSeries((name) => groups(line.series[name], sumOf)),
      p50: times(0.5),
      p99: times(0.99),
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

const groupTimes = (heat: readonly Buckets[] | null, q: number, count: number): (number | null)[] =>
  Array.from({ length: count }, (_, i) => percentile(heat?.[i] ?? [], q, micros(0), micros(Infinity)))
