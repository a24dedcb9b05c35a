/** The axis of time, and the marks of findings and markers above it. Places are percentages: text in a stretched drawing would be stretched. */
import { clip } from '../../render/text.ts'
import type { PageFacts } from '../picture/facts.ts'
import type { Picture } from '../picture/picture.ts'
import { LINES, TROUBLE } from './colours.ts'
import { placeOf, timeTicks } from './draw/time-axis.ts'
import { share, text } from './markup.ts'

/** Ticks that have room at the width of a sheet of paper. */
const TICKS = 8

export function axisSvg(picture: Picture, zone: string): string {
  const { count } = picture
  const ticks = timeTicks(picture, zone, TICKS).map(({ place, text: label, isDay }, i) => {
    const x = share(place, count)
    const anchor = place < count * 0.04 ? 'start' : place > count * 0.96 ? 'end' : 'middle'
    return (
      `<line x1="${x}" x2="${x}" y1="0" y2="4" stroke="${LINES.base}"/>` +
      `<text${i % 4 === 0 ? '' : ' class="wide-only"'} x="${x}" y="16" text-anchor="${anchor}" font-size="12"${isDay ? ' font-weight="600"' : ''}>${label}</text>`
    )
  })
  return `<svg class="still-axis" width="100%" height="20" aria-hidden="true">${ticks.join('')}</svg>`
}

/** Numbers of the findings, each a link to its sentence; those too close to the one before stand in a second or third row. */
export function findingMarks(picture: Picture, { findings }: PageFacts): string {
  if (findings.length === 0) return ''
  const { count } = picture
  const ends: number[] = []
  const marks = findings.map((finding, i) => {
    const [from, to] = [placeOf(picture, finding.from), placeOf(picture, finding.to)]
    let row = ends.findIndex((end) => end <= from)
    if (row < 0) row = ends.length < ROWS ? ends.length : ROWS - 1
    ends[row] = Math.max(to, from + count * LEAST)
    return markOf(
      i + 1,
      share(from, count),
      share(Math.max(to - from, 0), count),
      row,
      finding.kind === 'gap',
    )
  })
  const height = ROW * Math.max(1, ends.length) + 2
  return `<svg class="still-marks" width="100%" height="${height}" role="group" aria-label="findings">${marks.join('')}</svg>`
}

const ROWS = 3
const ROW = 20
/** Of the width: a number in its circle. */
const LEAST = 0.03

function markOf(number: number, x: string, width: string, row: number, isGap: boolean): string {
  const y = row * ROW + ROW / 2
  const colour = isGap ? '#5b6672' : TROUBLE[4]
  return (
    `<a href="#finding-${number}" aria-label="finding ${number}">` +
    `<rect class="extent" x="${x}" y="${y - 1}" width="${width}" height="2" fill="${colour}"/>` +
    `<svg x="${x}" y="${row * ROW}" width="20" height="${ROW}" overflow="visible"><rect class="number" x="0" y="1" width="18" height="18" rx="9" fill="${colour}"/>` +
    `<text x="9" y="14" text-anchor="middle" font-size="11" font-weight="600" fill="#ffffff">${number}</text></svg></a>`
  )
}

/** A label for each of a few markers; many are lines only, and a list further down. */
const MOST_LABELS = 6

export function markerMarks(picture: Picture, { markers }: PageFacts): string {
  if (markers.length === 0 || markers.length > MOST_LABELS) return ''
  const marks = markers.map(({ at, kind, text: what }) => {
    const place = placeOf(picture, at) / picture.count
    const x = share(place, 1)
    const shown = clip(what.includes(kind) ? what : `${kind} ${what}`, 24)
    return `<text x="${x}" y="12" text-anchor="${place > 0.8 ? 'end' : 'start'}" font-size="11" fill="${LINES.marker}">${place > 0.8 ? `${text(shown)} ▾` : `▾ ${text(shown)}`}</text>`
  })
  return `<svg class="still-markers" width="100%" height="16">${marks.join('')}</svg>`
}
