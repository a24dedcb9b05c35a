/** The latency heatmap as it stands without a script. */
import { heatScale, type HeatScale } from '../../frame/views/heat.ts'
import { exactCount, latency, rate } from '../../render/quantities.ts'
import { coarser } from '../picture/coarser.ts'
import type { PageFacts } from '../picture/facts.ts'
import type { Picture, PictureLine } from '../picture/picture.ts'
import { GAP, HEAT, LINES, TROUBLE } from './colours.ts'
import { gapPath, hatchPath } from './draw/gaps.ts'
import { heatPaths, troublePath } from './draw/heat-paths.ts'
import { latencyTicks, rulesPath } from './draw/latency-axis.ts'
import { timeLines } from './draw/time-lines.ts'
import { text } from './markup.ts'
import { axisSvg } from './still-axis.ts'

const HEIGHT = 240
const ROWS = 48
const TROUBLE_HEIGHT = 28
/** Columns, for the size of the page; the script draws all of them. */
const COLUMNS = 300

export function stillHeat(picture: Picture, facts: PageFacts): string {
  const columns = thinned(picture, COLUMNS)
  const scale = heatScale(columns.total.heat ?? [], ROWS)
  if (columns.total.heat?.some((buckets) => buckets.length > 0) !== true)
    return '<p class="note">No header time was sampled.</p>'
  return [
    '<table class="still heatmap-still" width="100%"><tbody>',
    troubleRow(picture, facts.withGrpc),
    `<tr><td class="times">${latencySvg(scale)}</td><td class="drawing">${heatSvg(picture, columns, scale)}</td><td></td></tr>`,
    `<tr class="below"><td></td><td>${axisSvg(picture, facts.zone)}</td><td></td></tr>`,
    '</tbody></table>',
  ].join('\n')
}

/** The sum of all in at most `most` longer steps, of `factor` steps each. */
interface Thinned {
  readonly factor: number
  readonly total: PictureLine
}

function thinned(picture: Picture, most: number): Thinned {
  const factor = Math.max(1, Math.ceil(picture.count / most))
  return { factor, total: coarser({ ...picture, lines: picture.lines.slice(0, 1) }, factor).lines[0]! }
}

function troubleRow({ lines: [total], seconds, count }: Picture, withGrpc: boolean): string {
  const { d, most, full } = troublePath(total!, seconds, TROUBLE_HEIGHT)
  const what = withGrpc ? '5xx, gRPC errors and failures per second' : '5xx and failures per second'
  const drawing = d === '' ? '' : `<path class="t3" fill="${TROUBLE[3]}" d="${d}"/>`
  return (
    `<tr class="above"><th scope="row" align="right" class="zero">5xx${withGrpc ? ', gRPC' : ''}, failed</th><td class="drawing"><svg class="troubles-still" viewBox="0 0 ${count} ${TROUBLE_HEIGHT}" preserveAspectRatio="none" width="100%" height="${TROUBLE_HEIGHT}" role="img" aria-label="${what}, at most ${rate(most)}">` +
    `${drawing}</svg></td><td align="right" class="most-still">${most === 0 ? '<span class="zero">0/s</span>' : `${rate(full)}/s`}</td></tr>`
  )
}

/** In the steps of the picture; what has longer ones is stretched. */
function heatSvg(picture: Picture, columns: Thinned, scale: HeatScale): string {
  const { d, most } = heatPaths(columns.total, scale)
  const lines = timeLines(picture, picture.lines[0]!, scale)
  return [
    `<svg class="heat" viewBox="0 0 ${picture.count} ${scale.rows}" preserveAspectRatio="none" width="100%" height="${HEIGHT}" role="img" aria-label="${text(labelOf(columns.total, most))}">`,
    `<path class="gap" fill="${GAP.area}" d="${gapPath(picture.seconds, scale.rows)}"/>`,
    `<path class="hatch" fill="none" stroke="${GAP.hatch}" vector-effect="non-scaling-stroke" d="${hatchPath(picture.seconds, scale.rows)}"/>`,
    `<g transform="scale(${columns.factor} 1)">`,
    ...d.map((path, i) => `<path class="h${i + 1}" fill="${HEAT[i] ?? HEAT[0]}" d="${path}"/>`),
    '</g>',
    `<path class="rule" stroke="${LINES.base}" stroke-opacity="0.5" vector-effect="non-scaling-stroke" d="${rulesPath(scale, picture.count)}"/>`,
    `<g transform="scale(${lines.factor} 1)">`,
    timesLine('p50', lines.p50, `stroke="${LINES.p50}" stroke-width="1.5"`),
    timesLine('p99', lines.p99, `stroke="${LINES.p99}" stroke-width="1.5" stroke-dasharray="4 2"`),
    '</g></svg>',
  ].join('')
}

const timesLine = (name: string, d: string, attributes: string): string =>
  `<path class="halo" fill="none" stroke="#ffffff" stroke-width="3" stroke-opacity="0.7" vector-effect="non-scaling-stroke" d="${d}"/>` +
  `<path class="${name}" fill="none" ${attributes} vector-effect="non-scaling-stroke" d="${d}"/>`

/** What the drawing shows, for who does not see it; what the ring lost is said. */
function labelOf({ heat, series }: PictureLine, most: number): string {
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
  const sampled = sum((heat ?? []).map((buckets) => sum(buckets.filter((_, i) => i % 2 === 1))))
  return `header times of ${exactCount(sampled)} of ${exactCount(sum(series.answered))} answers by time, at most ${exactCount(most)} in a cell`
}

function latencySvg(scale: HeatScale): string {
  const labels = latencyTicks(scale).map(({ time, y }) => {
    const place = Math.max(9, Math.min(HEIGHT - 2, (y * HEIGHT) / scale.rows + 4))
    return `<text x="100%" y="${place.toFixed(1)}" text-anchor="end" font-size="12">${latency(time)}</text>`
  })
  return `<svg class="still-axis" width="100%" height="${HEIGHT}" aria-hidden="true">${labels.join('')}</svg>`
}

/** Swatches of what is drawn. */
export const heatLegend = (): string =>
  `<p class="note legend">Shade: answers, from one ${HEAT.map((colour, i) => `<svg width="10" height="10" aria-hidden="true"><rect class="h${i + 1}" width="10" height="10" fill="${colour}"/></svg>`).join('')} to most, by powers. <span class="key"><svg width="18" height="10" aria-hidden="true"><path class="p50" stroke="${LINES.p50}" stroke-width="1.5" d="M0 5H18"/></svg> median</span> <span class="key"><svg width="18" height="10" aria-hidden="true"><path class="p99" stroke="${LINES.p99}" stroke-width="1.5" stroke-dasharray="4 2" d="M0 5H18"/></svg> p99</span></p>`
