/** The rows of a moment or a range, from its picture. Pure. */
import type { Picture, PictureLine } from '../../picture/picture.ts'
import type { PageState } from './address.ts'
import { backendLines, routeLines, stepAt } from './cut.ts'
import { hasText, rowOf, type Row } from './rows.ts'
import { sumOf, type LineSum } from './sums.ts'

/**
 * Backends with something in it, and the routes of the chosen one. With a filter all that have it in their name, and the backends of
 * such routes.
 */
export function tableRows(
  picture: Picture,
  { at, subject }: Pick<PageState, 'at' | 'subject'>,
  filter: string,
): readonly Row[] {
  const [first, beyond] = stepsShown(picture, { at })
  const sums = backendLines(picture).map((line) => sumOf(picture, line, first, beyond))
  const whole = sums.reduce((sum, { counts }) => sum + counts.requests, 0)
  const routesOf = (backend: PictureLine): readonly LineSum[] =>
    filter === '' && backend.subject?.backend !== subject?.backend
      ? []
      : routeLines(picture, backend)
          .filter(({ label }) => hasText(label, filter))
          .map((line) => sumOf(picture, line, first, beyond))
          .filter(hasAny)
  return backendLines(picture).flatMap((line, i) => rowsOf(line, sums[i]!, whole, routesOf, filter))
}

function rowsOf(
  line: PictureLine,
  sum: LineSum,
  whole: number,
  routesOf: (backend: PictureLine) => readonly LineSum[],
  filter: string,
): readonly Row[] {
  const { subject, label } = line
  if (subject === null || !hasAny(sum)) return []
  const routes = routesOf(line)
  if (routes.length === 0 && !hasText(sum.label, filter)) return []
  return [
    rowOf(sum, subject, whole, label),
    ...routes.map((route) => rowOf(route, route.subject ?? subject, sum.counts.requests, label)),
  ]
}

const hasAny = ({ counts }: LineSum): boolean => counts.requests + counts.answered + counts.bad > 0

/** The steps that the table is of: [first, beyond). A moment that is not shown is no choice. */
export const stepsShown = (picture: Picture, { at }: Pick<PageState, 'at'>): readonly [number, number] =>
  at === null || at < picture.from || at >= picture.to
    ? [0, picture.count]
    : [stepAt(picture, at), stepAt(picture, at) + 1]
