/** Lines of pictures for tests of what is drawn of them. */
import { SERIES, type PictureLine, type SeriesName } from '../../../../src/report/picture/picture.ts'

export function line(
  count: number,
  series: Partial<Record<SeriesName, readonly number[]>>,
  rest: Partial<PictureLine> = {},
): PictureLine {
  const none = new Array<number>(count).fill(0)
  const nulls = new Array<null>(count).fill(null)
  const all = Object.fromEntries(SERIES.map((name) => [name, series[name] ?? none])) as PictureLine['series']
  return { subject: null, label: 'all', series: all, p50: nulls, p99: nulls, heat: null, ...rest }
}
