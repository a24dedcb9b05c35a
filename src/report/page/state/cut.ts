/** A part of a picture as a picture. Pure. */
import type { Buckets } from '../../../frame/model/histogram.ts'
import { coarser } from '../../picture/coarser.ts'
import { mapSeries } from '../../picture/packed-picture.ts'
import type { Picture, PictureLine } from '../../picture/picture.ts'
import { placeOf, secondAt } from '../draw/time-axis.ts'
import { sameSubject, type Range } from './address.ts'
import { joinedLine } from './joined.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'

/** The finest that has all of the range. The first one has everything. */
export function finestOf(pictures: readonly [Picture, ...Picture[]], range: Range): Picture {
  const fit = pictures.filter(({ from, to }) => from <= range.from && to >= range.to)
  return fit.reduce((finest, each) => (each.step < finest.step ? each : finest), fit[0] ?? pictures[0])
}

/** The whole steps that the range touches; at least one. */
export function cutPicture(picture: Picture, range: Range): Picture {
  const first = Math.max(0, Math.min(picture.count - 1, Math.floor(placeOf(picture, range.from) + 1e-6)))
  const beyond = Math.max(first + 1, Math.min(picture.count, Math.ceil(placeOf(picture, range.to) - 1e-6)))
  return first === 0 && beyond === picture.count ? picture : stepsOf(picture, first, beyond)
}

function stepsOf(picture: Picture, first: number, beyond: number): Picture {
  const part = <T>(values: readonly T[]): readonly T[] => values.slice(first, beyond)
  const start = secondAt(picture, first)
  return {
    ...picture,
    from: Math.max(picture.from, start),
    to: Math.min(picture.to, secondAt(picture, beyond - 1) + picture.step),
    starts: [
      [0, start],
      ...picture.starts
        .filter(([index]) => index > first && index < beyond)
        .map(([index, second]) => [index - first, second] as const),
    ],
    count: beyond - first,
    seconds: part(picture.seconds),
    lines: picture.lines.map((line) => ({
      ...line,
      series: mapSeries((name) => part(line.series[name])),
      p50: part(line.p50),
      p99: part(line.p99),
      heat: line.heat && part(line.heat),
    })),
  }
}

/**
 * The same steps, and steps in which nothing was recorded before and behind them, so that it shows all of the range. A picture of a
 * moment at the edge of a day would have a day of seconds: it gets longer steps. @param most steps
 */
export function paddedPicture(fine: Picture, range: Range, most: number): Picture {
  const all = fine.count + stepsBeside(fine, range).reduce((sum, steps) => sum + steps, 0)
  const picture = coarser(fine, Math.ceil(all / most))
  const [before, behind] = stepsBeside(picture, range)
  if (before + behind === 0) return picture
  const pad = <T>(values: readonly T[], nothing: T): readonly T[] => [
    ...new Array<T>(before).fill(nothing),
    ...values,
    ...new Array<T>(behind).fill(nothing),
  ]
  const [[, start] = [0, picture.from], ...later] = picture.starts
  return {
    ...picture,
    from: Math.min(picture.from, range.from),
    to: Math.max(picture.to, range.to),
    starts: [
      [0, start - before * picture.step],
      ...later.map(([index, second]) => [index + before, second] as const),
    ],
    count: before + picture.count + behind,
    seconds: pad(picture.seconds, 0),
    lines: picture.lines.map((line) => ({
      ...line,
      series: mapSeries((name) => pad(line.series[name], 0)),
      p50: pad(line.p50, null),
      p99: pad(line.p99, null),
      heat: line.heat && pad<Buckets>(line.heat, []),
    })),
  }
}

/** Whole steps of the range before and behind a picture. */
function stepsBeside(picture: Picture, { from, to }: Range): readonly [before: number, behind: number] {
  const end = Math.max(picture.to, secondAt(picture, picture.count - 1) + picture.step)
  const steps = (seconds: number): number => Math.max(0, Math.floor(seconds / picture.step + 1e-6))
  return [steps(picture.from - from), steps(to - end)]
}

/** A range of which nothing is known. */
export const emptyPicture = ({ from, to }: Range): Picture => ({
  from,
  to,
  starts: [[0, from]],
  step: to - from,
  count: 1,
  seconds: [0],
  lines: [
    { subject: null, label: 'all', series: mapSeries(() => [0]), p50: [null], p99: [null], heat: [[]] },
  ],
  left: { backends: 0, routes: 0 },
})

/** An address that was named otherwise before has a line for each of its names; as a subject it is all of them, as in the terminal. */
export function lineOf({ lines }: Picture, subject: Subject | null): PictureLine | null {
  const [first, ...others] = lines.filter((line) => sameSubject(line.subject, subject))
  if (first === undefined) return null
  return others.length === 0 ? first : joinedLine([first, ...others])
}

/** Of an address with several names it is the line of that name, and no line of a route, which may be of either. */
export function lineOfRow(
  { lines }: Picture,
  { subject, label }: { readonly subject: Subject; readonly label: string },
): PictureLine | null {
  const own = lines.filter((line) => sameSubject(line.subject, subject))
  if (own.length < 2) return own[0] ?? null
  return subject.route === null ? (own.find((line) => line.label === label) ?? null) : null
}

export const backendLines = ({ lines }: Picture): readonly PictureLine[] =>
  lines.filter(({ subject }) => subject?.route === null)

/** Those that follow it. @param backend one of its lines */
export function routeLines({ lines }: Picture, backend: PictureLine): readonly PictureLine[] {
  const after = lines.slice(lines.indexOf(backend) + 1)
  const end = after.findIndex(({ subject }) => subject?.route == null)
  return end < 0 ? after : after.slice(0, end)
}

/** The step that contains the second. */
export const stepAt = (picture: Picture, second: number): number =>
  Math.max(0, Math.min(picture.count - 1, Math.floor(placeOf(picture, second) + 1e-6)))

/** In steps, the middle of the moment's one; null: it is not in the picture. */
export const cursorPlace = (picture: Picture, at: number | null): number | null =>
  at !== null && at >= picture.from && at < picture.to ? stepAt(picture, at) + 0.5 : null
