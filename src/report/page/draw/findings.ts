/** Findings as bands behind a lane: what took long is in no colour and no height of it. */
import type { PageFinding } from '../../picture/facts.ts'
import type { Picture, PictureLine } from '../../picture/picture.ts'
import { short } from './path.ts'
import { placeOf } from './time-axis.ts'

/** Of the line's backend or route, of all for all of the traffic. Gaps have an area of their own. */
export const findingsPath = (
  { subject }: Pick<PictureLine, 'subject'>,
  findings: readonly PageFinding[],
  picture: Picture,
  height: number,
): string =>
  findings
    .filter(({ kind, from, to }) => kind !== 'gap' && to > picture.from && from < picture.to)
    .filter(
      ({ backend, route }) =>
        subject === null ||
        (backend === subject.backend && (subject.route === null || route === subject.route)),
    )
    .map(({ from, to }) => {
      const [left, right] = [short(placeOf(picture, from)), short(placeOf(picture, to))]
      return `M${left} 0H${right}V${height}H${left}Z`
    })
    .join('')
