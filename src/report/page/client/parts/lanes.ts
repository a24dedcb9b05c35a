/** A lane for all of the traffic, for each backend in the order of the board, and for the routes of the chosen one. */
import { rate } from '../../../../render/quantities.ts'
import type { PictureLine } from '../../../picture/picture.ts'
import { findingsPath } from '../../draw/findings.ts'
import { gapPath, hatchPath } from '../../draw/gaps.ts'
import { FOOT, lanePaths } from '../../draw/lanes.ts'
import { secondAt } from '../../draw/time-axis.ts'
import { backendLines, cursorPlace, routeLines } from '../../state/cut.ts'
import { sameSubject } from '../../state/address.ts'
import { laneText, stepText } from '../../state/readout.ts'
import { axis, axisTicks } from './axis.ts'
import { button, drawing, element, shape } from '../browser/dom.ts'
import { markRow } from './marks.ts'
import { Plot, type Point } from '../browser/plot.ts'
import type { Scene, Wishes } from '../scene.ts'
import type { Tip } from '../browser/tip.ts'

/** More are shown on a click. */
const VISIBLE = 12
const VISIBLE_ROUTES = 8
/** Units of a drawing, which is stretched. */
const HEIGHT = 24

export class Lanes {
  readonly element = element('div', 'lanes')
  readonly #plot: Plot
  #scene: Scene | null = null
  #lines: readonly PictureLine[] = []
  #showsAll = false

  constructor(
    readonly wishes: Wishes,
    readonly tip: Tip,
  ) {
    const second = (place: number): number => secondAt(this.#scene!.picture, place)
    this.#plot = new Plot({
      onHover: (point, event) => this.#hover(point, event),
      onChoose: ({ place }) => wishes.moment(second(place)),
      onDrag: (from, to) => wishes.zoom(second(Math.floor(from)), second(Math.ceil(to))),
      onBack: wishes.back,
    })
  }

  draw(scene: Scene): void {
    this.#scene = scene
    const { picture, facts } = scene
    const backends = backendLines(picture)
    const shown = this.#showsAll ? backends : backends.slice(0, VISIBLE)
    this.#lines = [picture.lines[0]!, ...shown.flatMap((line) => [line, ...this.#routesOf(line, scene)])]
    this.#plot.count = picture.count
    const rows = [
      markRow(scene, this.wishes),
      ...this.#lines.map((line, i) => this.#lane(line, i === 0, scene)),
      axis(axisTicks(picture, facts.zone, this.element), picture.count),
    ]
    // Rows are named: a grid moves what has no row out of the way of the layer that lies over all of them.
    rows.forEach((row, i) => row.forEach((each) => (each.style.gridRow = String(i + 1))))
    this.#plot.element.style.gridRow = `1 / span ${rows.length}`
    this.element.replaceChildren(
      ...rows.flat(),
      this.#plot.element,
      ...this.#more(backends.length - shown.length, scene),
    )
    this.moveTo(scene)
  }

  /** Only the moment is another one. */
  moveTo(scene: Scene): void {
    this.#scene = scene
    this.#plot.cursor = cursorPlace(scene.picture, scene.state.at)
  }

  #routesOf(line: PictureLine, { state, picture }: Scene): readonly PictureLine[] {
    if (line.subject === null || line.subject.backend !== state.subject?.backend) return []
    const routes = routeLines(picture, line)
    return this.#showsAll ? routes : routes.slice(0, VISIBLE_ROUTES)
  }

  #lane(line: PictureLine, isTotal: boolean, scene: Scene): HTMLElement[] {
    const { state, picture, findings } = scene
    const kind = isTotal ? 'total' : line.subject?.route === null ? 'backend' : 'route'
    const isChosen = sameSubject(line.subject, state.subject)
    const name = button(
      line.label,
      null,
      () => this.wishes.subject(isChosen ? null : line.subject),
      `name ${kind}`,
    )
    name.setAttribute('aria-pressed', String(isChosen))
    name.title = line.label
    const paths = lanePaths(line, picture.seconds, HEIGHT)
    const svg = drawing(
      picture.count,
      HEIGHT + FOOT,
      laneText(picture, line, paths.most),
      ...shape(findingsPath(line, findings, picture, HEIGHT + FOOT), 'extent-band'),
      ...shape(gapPath(picture.seconds, HEIGHT), 'gap'),
      ...shape(hatchPath(picture.seconds, HEIGHT), 'hatch'),
      ...shape(paths.presence, 'presence'),
      ...paths.trouble.flatMap((d, level) => shape(d, `trouble t${level}`)),
      ...paths.foot.flatMap((d, level) => shape(d, `foot t${level}`)),
    )
    svg.classList.add('lane', kind)
    const most = element('span', `most ${kind}`, `${rate(paths.most)}/s`)
    most.setAttribute('aria-hidden', 'true')
    return [name, element('div', `strip ${kind}`, svg), most]
  }

  #more(hidden: number, scene: Scene): HTMLElement[] {
    const { left } = scene.picture
    const toggle = (): void => {
      this.#showsAll = !this.#showsAll
      this.draw(scene)
    }
    const notes = [
      ...(hidden > 0 ? [button(`${hidden} more`, null, toggle, 'more')] : []),
      ...(this.#showsAll ? [button('fewer', null, toggle, 'more')] : []),
      ...(left.backends > 0 ? [element('span', 'dim', `${left.backends} backends found no room here`)] : []),
    ]
    return notes.length === 0 ? [] : [element('div', 'under', ...notes)]
  }

  #hover(point: Point | null, event: PointerEvent): void {
    const scene = this.#scene
    const line = scene === null ? null : this.#lineAt(event.clientY)
    if (scene === null || point === null || line === null) {
      this.tip.hide()
      return
    }
    const index = Math.min(scene.picture.count - 1, Math.floor(point.place))
    this.tip.show([line.label, stepText(scene.picture, line, index, scene.facts)], event)
  }

  #lineAt(y: number): PictureLine | null {
    const strips = [...this.element.querySelectorAll('.strip')]
    const index = strips.findIndex((strip) => {
      const { top, bottom } = strip.getBoundingClientRect()
      return y >= top && y < bottom
    })
    return this.#lines[index] ?? null
  }
}
