/** The row above the lanes: findings by their numbers, and markers. Both are buttons that lead to their moment. */
import { placeOf } from '../draw/time-axis.ts'
import { markPlaces } from '../state/mark-places.ts'
import { button, element, percentOf } from './dom.ts'
import type { Scene, Wishes } from './scene.ts'

export function markRow({ picture, facts, findings }: Scene, wishes: Wishes): HTMLElement[] {
  const row = element('div', 'marks')
  const isShown = (from: number, to: number): boolean => to >= picture.from && from < picture.to
  const found = findings.flatMap((finding, i) =>
    isShown(finding.from, finding.to) ? [{ finding, number: i + 1 }] : [],
  )
  const places = markPlaces(found.map(({ finding }) => placeOf(picture, finding.from) / picture.count))
  row.style.setProperty('--rows', String(1 + Math.max(0, ...places.map((place) => place.row))))
  found.forEach(({ finding, number }, i) => {
    const mark = button(
      String(number),
      `Finding ${number}: ${finding.what}`,
      () => wishes.finding(finding),
      'mark',
    )
    mark.title = finding.what
    mark.style.left = percentOf(places[i]!.place, 1)
    mark.style.setProperty('--row', String(places[i]!.row))
    row.append(mark, span(finding.from, finding.to))
  })
  for (const { at, text, kind } of facts.markers) {
    if (!isShown(at, at)) continue
    const mark = button('◆', `Marker: ${text}`, () => wishes.moment(at), `mark marker ${kind}`)
    mark.title = text
    mark.style.left = percentOf(placeOf(picture, at), picture.count)
    row.append(mark)
  }
  return [row]

  function span(from: number, to: number): HTMLElement {
    const band = element('div', 'band')
    const [start, end] = [placeOf(picture, from), placeOf(picture, to)]
    band.style.left = percentOf(start, picture.count)
    band.style.width = percentOf(end - start, picture.count)
    return band
  }
}
