/** Several lines of a picture as one. Pure. */
import { percentile, sumBuckets, type Buckets } from '../../../frame/model/histogram.ts'
import { micros } from '../../../frame/model/units.ts'
import { mapSeries } from '../../picture/packed-picture.ts'
import type { PictureLine } from '../../picture/picture.ts'

type Lines = readonly [PictureLine, ...PictureLine[]]

/** Of one subject. Without a distribution the times of a step are known only where one line has any. */
export function joinedLine(lines: Lines): PictureLine {
  const heat = heatOf(lines)
  const times = (name: 'p50' | 'p99', q: number): (number | null)[] =>
    lines[0][name].map((_, i) => timeOf(lines, name, i, heat === null ? null : quantile(heat[i]!, q)))
  return {
    subject: lines[0].subject,
    label: [...new Set(lines.map(({ label }) => label))].join(', '),
    series: mapSeries((name) =>
      lines[0].series[name].map((_, i) => lines.reduce((sum, { series }) => sum + series[name][i]!, 0)),
    ),
    p50: times('p50', 0.5),
    p99: times('p99', 0.99),
    heat,
  }
}

function heatOf(lines: Lines): readonly Buckets[] | null {
  const heats = lines.flatMap(({ heat }) => (heat === null ? [] : [heat]))
  if (heats.length < lines.length) return null
  return lines[0].series.requests.map((_, i) => sumBuckets(heats.map((heat) => heat[i]!)))
}

function timeOf(lines: Lines, name: 'p50' | 'p99', index: number, joined: number | null): number | null {
  const known = lines.flatMap((line) => line[name][index] ?? [])
  return known.length === 1 ? known[0]! : joined
}

const quantile = (buckets: Buckets, q: number): number | null =>
  percentile(buckets, q, micros(0), micros(Infinity))
