/** The latency heatmap of the subject, its trouble above it, and a cursor that reads a cell out. */
import { bucketOf, type Buckets } from '../../../../frame/model/histogram.ts'
import { micros } from '../../../../frame/model/units.ts'
import { heatScale, type HeatScale } from '../../../../frame/views/heat.ts'
import { latency, rate } from '../../../../render/quantities.ts'
import type { Picture, PictureLine } from '../../../picture/picture.ts'
import { gapPath, hatchPath } from '../../draw/gaps.ts'
import { heatPaths, troublePath } from '../../draw/heat-paths.ts'
import { latencyTicks, rulesPath } from '../../draw/latency-axis.ts'
import { secondAt } from '../../draw/time-axis.ts'
import { timeLines } from '../../draw/time-lines.ts'
import { cursorPlace, lineOf, stepAt } from '../../state/cut.ts'
import { cellText, heatNote, type Cell } from '../../state/readout.ts'
import { axis, axisTicks } from './axis.ts'
import { drawing, element, percentOf, shape, stretched } from '../browser/dom.ts'
import { Plot, type Point } from '../browser/plot.ts'
import type { Scene, Wishes } from '../scene.ts'
import type { Tip } from '../browser/tip.ts'

const ROWS = 48
const TROUBLE_HEIGHT = 20

export class Heat {
  readonly element = element('div', 'heatmap')
  readonly #plot: Plot
  readonly #cell = element('div', 'cell')
  #scene: Scene | null = null
  #line: PictureLine | null = null
  #scale: HeatScale = { first: 0, rows: 1, group: 1 }
  #row = 0

  /** @param onCell the cell that was chosen */
  constructor(
    readonly wishes: Wishes,
    readonly tip: Tip,
    readonly onCell: (cell: Cell, scale: HeatScale) => void,
  ) {
    const second = (place: number): number => secondAt(this.#scene!.picture, place)
    this.#plot = new Plot({
      onHover: (point, event) => this.#hover(point, event),
      onChoose: (point) => this.#choose(point),
      onDrag: (from, to) => wishes.zoom(second(Math.floor(from)), second(Math.ceil(to))),
      onBack: wishes.back,
    })
    this.#makeSlider()
  }

  draw(scene: Scene): void {
    const { picture, facts, state } = scene
    this.#scene = scene
    this.#line = lineOf(picture, state.subject) ?? picture.lines[0]!
    this.#scale = heatScale(this.#line.heat ?? columnsOf(this.#line), ROWS)
    this.#row = Math.min(this.#row, this.#scale.rows - 1)
    this.#plot.count = picture.count
    this.#plot.element.style.gridRow = '2'
    this.element.replaceChildren(
      ...this.#trouble(this.#line, scene),
      ...this.#labels(),
      this.#map(this.#line, scene),
      this.#plot.element,
      ...axis(axisTicks(picture, facts.zone, this.element), picture.count),
      element('p', 'note', heatNote(picture, this.#line)),
    )
    this.moveTo(scene)
  }

  /** Only the moment is another one. */
  moveTo(scene: Scene): void {
    this.#scene = scene
    this.#plot.cursor = cursorPlace(scene.picture, scene.state.at)
    this.#say()
  }

  #map(line: PictureLine, { picture }: Scene): HTMLElement {
    const { rows } = this.#scale
    const svg = drawing(
      picture.count,
      rows,
      '',
      ...shape(gapPath(picture.seconds, rows), 'gap'),
      ...shape(hatchPath(picture.seconds, rows), 'hatch'),
      ...heatPaths(line, this.#scale).d.flatMap((d, i) => shape(d, `h${i + 1}`)),
      ...shape(rulesPath(this.#scale, picture.count), 'rule'),
      this.#lines(picture, line),
    )
    svg.classList.add('heat')
    return element('div', 'map', svg)
  }

  /** A halo keeps a line apart from the cells below it. */
  #lines(picture: Picture, line: PictureLine): SVGElement {
    const { p50, p99, factor } = timeLines(picture, line, this.#scale)
    return stretched(
      factor,
      ...shape(p50, 'halo'),
      ...shape(p50, 'p50'),
      ...shape(p99, 'halo'),
      ...shape(p99, 'p99'),
    )
  }

  #trouble(line: PictureLine, { picture }: Scene): HTMLElement[] {
    const { d, most, full } = troublePath(line, picture.seconds, TROUBLE_HEIGHT)
    const words = most === 0 ? 'no errors' : `errors, at most ${rate(most)}/s`
    const svg = drawing(picture.count, TROUBLE_HEIGHT, words, ...shape(d, 't3'))
    return [
      element('span', 'scale', most === 0 ? 'no errors' : `errors, to ${rate(full)}/s`),
      element('div', 'troubles', svg),
    ]
  }

  #labels(): HTMLElement[] {
    const host = element('div', 'latencies')
    host.setAttribute('aria-hidden', 'true')
    for (const { time, y } of latencyTicks(this.#scale)) {
      const label = element('span', '', latency(time).replace('.0', ''))
      label.style.top = percentOf(y, this.#scale.rows)
      host.append(label)
    }
    return [host]
  }

  /** A slider is what a keyboard and a screen reader can move over a map of latencies; the moment has its own. */
  #makeSlider(): void {
    const plot = this.#plot.element
    plot.append(this.#cell)
    plot.tabIndex = 0
    plot.setAttribute('role', 'slider')
    plot.setAttribute('aria-orientation', 'vertical')
    plot.setAttribute('aria-label', 'Latencies of the moment')
    plot.addEventListener('keydown', (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0
      if (by !== 0) this.#row = Math.max(0, Math.min(this.#scale.rows - 1, this.#row + by))
      else if (event.key === 'Enter') this.#open()
      else return
      event.preventDefault()
      event.stopPropagation()
      this.#say()
    })
  }

  /** The chosen cell, as the slider's value and as a frame around it. */
  #say(): void {
    const [scene, line] = [this.#scene!, this.#line!]
    const { rows } = this.#scale
    const plot = this.#plot.element
    const { at } = scene.state
    plot.setAttribute('aria-valuemin', '0')
    plot.setAttribute('aria-valuemax', String(rows - 1))
    plot.setAttribute('aria-valuenow', String(this.#row))
    this.#cell.hidden = at === null
    const index = stepAt(scene.picture, at ?? scene.picture.from)
    const text = cellText(scene.picture, line, this.#scale, { index, row: this.#row }, scene.facts)
    plot.setAttribute('aria-valuetext', text)
    this.#cell.style.left = percentOf(index, scene.picture.count)
    this.#cell.style.width = percentOf(1, scene.picture.count)
    this.#cell.style.bottom = percentOf(this.#row, rows)
    this.#cell.style.height = percentOf(1, rows)
  }

  #open(): void {
    const { state, picture } = this.#scene!
    if (state.at !== null) this.onCell({ index: stepAt(picture, state.at), row: this.#row }, this.#scale)
  }

  #choose(point: Point): void {
    const { picture } = this.#scene!
    const cell = this.#cellAt(point)
    this.#row = cell.row
    this.wishes.moment(secondAt(picture, cell.index))
    this.onCell(cell, this.#scale)
  }

  #cellAt({ place, down }: Point): Cell {
    const { rows } = this.#scale
    return {
      index: Math.min(this.#scene!.picture.count - 1, Math.floor(place)),
      row: Math.max(0, Math.min(rows - 1, Math.floor((1 - down) * rows))),
    }
  }

  #hover(point: Point | null, event: PointerEvent): void {
    const [scene, line] = [this.#scene, this.#line]
    if (scene === null || line === null || point === null) {
      this.tip.hide()
      return
    }
    const text = cellText(scene.picture, line, this.#scale, this.#cellAt(point), scene.facts)
    this.tip.show([line.label, text], event)
  }
}

/** A line without a heatmap still has its percentiles: the scale is theirs. */
const columnsOf = ({ p50, p99 }: PictureLine): readonly Buckets[] =>
  [...p50, ...p99].flatMap((time) => (time === null ? [] : [[bucketOf(micros(time)), 1]]))
