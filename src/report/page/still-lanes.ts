/** The lanes as they stand without a script: a table, so that they keep their order and places also without a style. */
import { exactCount, finePercent, longSpan, rate } from '../../render/quantities.ts'
import type { PageFacts } from '../picture/facts.ts'
import type { Picture, PictureLine } from '../picture/picture.ts'
import { BAND, GAP, LINES, TROUBLE } from './colours.ts'
import { findingsPath } from './draw/findings.ts'
import { gapPath, hatchPath } from './draw/gaps.ts'
import { FOOT, lanePaths, mostRate } from './draw/lanes.ts'
import { short } from './draw/path.ts'
import { placeOf } from './draw/time-axis.ts'
import { share, text } from './markup.ts'
import { axisSvg, findingMarks, markerMarks } from './still-axis.ts'

const TALL = 52
const HEIGHT = 30
/** Lanes beyond these are folded. */
const SHOWN = 12

export function stillLanes(picture: Picture, facts: PageFacts): string {
  const lanes = picture.lines.filter(({ subject }) => subject?.route == null)
  const row = (line: PictureLine): string => laneRow(line, picture, facts)
  const more = lanes.slice(1 + SHOWN)
  return [
    '<table class="still" width="100%"><tbody>',
    ...[markerMarks(picture, facts), findingMarks(picture, facts)]
      .filter((marks) => marks !== '')
      .map((marks) => `<tr class="above"><td></td><td>${marks}</td><td></td></tr>`),
    ...lanes.slice(0, 1 + SHOWN).map(row),
    `<tr class="below"><td></td><td>${axisSvg(picture, facts.zone)}</td><td></td></tr>`,
    '</tbody></table>',
    more.length === 0
      ? ''
      : `<details><summary>${exactCount(more.length)} more backends</summary><table class="still" width="100%"><tbody>${more.map(row).join('\n')}</tbody></table></details>`,
    leftText(picture.left.backends),
  ].join('\n')
}

const leftText = (backends: number): string =>
  backends === 0 ? '' : `<p class="note">and ${exactCount(backends)} more in no lane</p>`

function laneRow(line: PictureLine, picture: Picture, facts: PageFacts): string {
  const height = line.subject === null ? TALL : HEIGHT
  const unread = isUnread(line)
  return (
    `<tr${line.subject === null ? ' class="all"' : ''}><th scope="row" align="left">${line.subject === null ? 'all' : `<code>${text(line.label)}</code>`}</th>` +
    `<td class="drawing">${laneSvg(line, picture, facts, height)}</td>` +
    `<td align="right" class="most-still">${unread ? '–' : `${rate(mostRate(line, picture.seconds))}/s`}</td></tr>`
  )
}

const isUnread = ({ series }: PictureLine): boolean =>
  series.requests.every((count) => count === 0) && series.failures.every((count) => count === 0)

function laneSvg(line: PictureLine, picture: Picture, facts: PageFacts, height: number): string {
  const { seconds, count } = picture
  const { trouble, foot, presence } = lanePaths(line, seconds, height)
  const all = height + FOOT
  const path = (name: string, d: string, attributes: string): string =>
    d === '' ? '' : `<path class="${name}" ${attributes} d="${d}"/>`
  return [
    `<svg class="lane" viewBox="0 0 ${count} ${all}" preserveAspectRatio="none" width="100%" height="${all}" role="img" aria-label="${text(laneLabel(line, picture))}">`,
    path('extent-band', findingsPath(line, facts.findings, picture, all), `fill="${BAND}"`),
    path('gap', gapPath(seconds, all), `fill="${GAP.area}"`),
    path(
      'hatch',
      hatchPath(seconds, all),
      `fill="none" stroke="${GAP.hatch}" vector-effect="non-scaling-stroke"`,
    ),
    ...trouble.map((d, level) => path(`t${level}`, d, `fill="${TROUBLE[level] ?? TROUBLE[0]}"`)),
    ...foot.map((d, level) => path(`foot t${level}`, d, `fill="${TROUBLE[level] ?? TROUBLE[0]}"`)),
    path('presence', presence, `fill="none" stroke="${LINES.base}" vector-effect="non-scaling-stroke"`),
    path(
      'marker',
      facts.markers.map(({ at }) => `M${short(placeOf(picture, at))} 0V${all}`).join(''),
      `fill="none" stroke="${LINES.marker}" vector-effect="non-scaling-stroke"`,
    ),
    '</svg>',
  ].join('')
}

/** What the drawing shows, for who does not see it. */
function laneLabel({ label, series }: PictureLine, { step, seconds }: Picture): string {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const [requests, attempts, bad] = [
    sum(series.requests),
    sum(series.answered) + sum(series.failures),
    sum(series.bad),
  ]
  const gaps = seconds.filter((length) => length === 0).length
  return `${label}: ${exactCount(requests)} requests, ${finePercent(attempts === 0 ? null : bad / attempts)} in trouble, by ${longSpan(step * 1e6)}${gaps === 0 ? '' : `, ${exactCount(gaps)} steps not recorded`}`
}

/** Swatches of what is drawn. */
export const laneLegend = (withGrpc: boolean): string =>
  `<p class="note legend">Height: requests per second, up to those at the right of each lane. Colour, and from 1% a foot below: share of 5xx, ${withGrpc ? 'gRPC errors, ' : ''}failures; of one alone, among 100 requests around it ${[
    ['none', 't0', TROUBLE[0]],
    ['any', 't1', TROUBLE[1]],
    ['1%', 't2', TROUBLE[2]],
    ['5%', 't3', TROUBLE[3]],
    ['20%', 't4', TROUBLE[4]],
  ]
    .map(([word, name, colour]) => swatch(name!, colour!, word!))
    .join(
      ' ',
    )} <span class="key"><svg width="14" height="10" aria-hidden="true"><rect class="gap" width="14" height="10" fill="${GAP.area}"/><path class="hatch" stroke="${GAP.hatch}" d="M0 10L7 0M7 10L14 0"/></svg> not recorded</span></p>`

const swatch = (name: string, colour: string, word: string): string =>
  `<span class="key"><svg width="10" height="10" aria-hidden="true"><rect class="${name}" width="10" height="10" fill="${colour}"/></svg> ${word}</span>`

/** A lane in a cell of a table. */
export function sparkSvg(line: PictureLine, { seconds, count }: Picture): string {
  const { trouble, foot } = lanePaths(line, seconds, 14)
  const paths = [trouble, foot]
    .flatMap((each) =>
      each.map((d, level) =>
        d === '' ? '' : `<path class="t${level}" fill="${TROUBLE[level] ?? TROUBLE[0]}" d="${d}"/>`,
      ),
    )
    .join('')
  return `<svg class="spark" viewBox="0 0 ${count} 18" preserveAspectRatio="none" width="96" height="18" aria-hidden="true"><path class="gap" fill="${GAP.area}" d="${gapPath(seconds, 18)}"/>${paths}</svg>`
}

const BAR_COLOURS = { '': '#6f9fce', trouble: TROUBLE[3], before: LINES.base } as const

/** A bar under a number, also where there is no style. @param part of `whole`, both of the same unit */
export const barSvg = (part: number, whole: number, name: keyof typeof BAR_COLOURS): string =>
  `<br><svg class="bar${name === '' ? '' : ` ${name}`}" width="56" height="3" aria-hidden="true"><rect x="${share(whole - part, whole)}" width="${share(part, whole)}" height="3" fill="${BAR_COLOURS[name]}"/></svg>`
