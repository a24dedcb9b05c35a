/** A part of a picture as a picture. Pure. */
import { mapSeries } from '../../picture/packed-picture.ts'
import type { Picture, PictureLine } from '../../picture/picture.ts'
import { placeOf, secondAt } from '../draw/time-axis.ts'
import { sameSubject, type Range } from './address.ts'
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

export const lineOf = ({ lines }: Picture, subject: Subject | null): PictureLine | null =>
  lines.find((line) => sameSubject(line.subject, subject)) ?? null

export const backendLines = ({ lines }: Picture): readonly PictureLine[] =>
  lines.filter(({ subject }) => subject?.route === null)

export const routeLines = ({ lines }: Picture, backend: string): readonly PictureLine[] =>
  lines.filter(({ subject }) => subject?.backend === backend && subject.route !== null)

/** The step that contains the second. */
export const stepAt = (picture: Picture, second: number): number =>
  Math.max(0, Math.min(picture.count - 1, Math.floor(placeOf(picture, second) + 1e-6)))
