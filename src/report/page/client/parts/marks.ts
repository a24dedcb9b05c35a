/** The row above the lanes: findings by their numbers, and markers. Both are buttons that lead to their moment. */
import type { PageFinding } from '../../../picture/facts.ts'
import type { Picture } from '../../../picture/picture.ts'
import { placeOf } from '../../draw/time-axis.ts'
import { markPlaces, type MarkPlace } from '../../state/mark-places.ts'
import { button, element, percentOf } from '../browser/dom.ts'
import type { Scene, Wishes } from '../scene.ts'

interface Mark {
  readonly at: number
  readonly text: string
  readonly label: string
  readonly what: string
  readonly className: string
  readonly onClick: () => void
}

export function markRow(scene: Scene, wishes: Wishes): HTMLElement[] {
  const { picture, findings } = scene
  const marks = [...findingMarks(scene, wishes), ...markerMarks(scene, wishes)]
  const places = markPlaces(marks.map(({ at }) => placeOf(picture, at) / picture.count))
  const row = element('div', 'marks')
  row.style.setProperty('--rows', String(1 + Math.max(0, ...places.map((place) => place.row))))
  row.append(
    ...marks.map((mark, i) => markElement(mark, places[i]!)),
    ...findings.filter(({ from, to }) => isShown(picture, from, to)).map((finding) => band(picture, finding)),
  )
  return [row]
}

const findingMarks = ({ picture, findings }: Scene, wishes: Wishes): readonly Mark[] =>
  findings.flatMap((finding, i) =>
    isShown(picture, finding.from, finding.to)
      ? [
          {
            at: finding.from,
            text: String(i + 1),
            label: `Finding ${i + 1}: ${finding.what}`,
            what: finding.what,
            className: finding.kind === 'gap' ? 'mark gap' : 'mark',
            onClick: () => wishes.finding(finding),
          },
        ]
      : [],
  )

const markerMarks = ({ picture, facts }: Scene, wishes: Wishes): readonly Mark[] =>
  facts.markers
    .filter(({ at }) => isShown(picture, at, at))
    .map(({ at, text, kind }) => ({
      at,
      text: '◆',
      label: `Marker: ${text}`,
      what: `${kind}: ${text}`,
      className: 'mark marker',
      onClick: () => wishes.moment(at),
    }))

const isShown = (picture: Picture, from: number, to: number): boolean =>
  to >= picture.from && from < picture.to

function markElement(mark: Mark, { place, row }: MarkPlace): HTMLElement {
  const made = button(mark.text, mark.label, mark.onClick, mark.className)
  made.title = mark.what
  made.style.left = percentOf(place, 1)
  made.style.setProperty('--row', String(row))
  return made
}

function band(picture: Picture, { kind, from, to }: PageFinding): HTMLElement {
  const made = element('div', kind === 'gap' ? 'band gap' : 'band')
  const [start, end] = [placeOf(picture, from), placeOf(picture, to)]
  made.style.left = percentOf(start, picture.count)
  made.style.width = percentOf(end - start, picture.count)
  return made
}
