/** Several lines of a picture as one. Pure. */
import { sumBuckets, type Buckets } from '../../../frame/model/histogram.ts'
import { mergedTime } from '../../picture/merged-time.ts'
import { mapSeries } from '../../picture/packed-picture.ts'
import type { PictureLine } from '../../picture/picture.ts'

type Lines = readonly [PictureLine, ...PictureLine[]]

/** Of one subject. Without a distribution the times of a step are known only where one line has any. */
export function joinedLine(lines: Lines): PictureLine {
  const heat = heatOf(lines)
  const times = (name: 'p50' | 'p99', q: number): (number | null)[] =>
    lines[0][name].map((_, i) =>
      mergedTime(
        heat?.[i] ?? null,
        q,
        lines.map((line) => line[name][i]!),
      ),
    )
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
