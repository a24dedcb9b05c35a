/** One recording, or one range of it: its lanes and its heatmap. Two of them stand side by side. */
import type { HeatScale } from '../../../frame/views/heat.ts'
import type { PageFinding } from '../../picture/facts.ts'
import type { Picture } from '../../picture/picture.ts'
import {
  SourceError,
  type Shown,
  type Side,
  type SideFacts,
  type Source,
  type Wanted,
} from '../source/source.ts'
import type { PageState, Range } from '../state/address.ts'
import { emptyPicture, paddedPicture } from '../state/cut.ts'
import { rangeWithin } from '../state/moves.ts'
import { shifted } from '../state/pair.ts'
import type { Cell } from '../state/readout.ts'
import { Heat } from './parts/heat.ts'
import { Lanes } from './parts/lanes.ts'
import type { Scene, Wishes } from './scene.ts'
import type { Tip } from './browser/tip.ts'

const STEPS = { least: 120, most: 4000, usual: 900 }

export class Panel {
  readonly lanes: Lanes
  readonly heat: Heat
  picture: Picture | null = null
  findings: readonly PageFinding[] = []
  /** seconds that its moments are later than those of the state */
  offset = 0

  /** @param onCell of this panel's own recording */
  constructor(
    public side: Side,
    readonly isBeside: boolean,
    public facts: SideFacts,
    wishes: Wishes,
    tip: Tip,
    onCell: (panel: Panel, cell: Cell, scale: HeatScale) => void,
  ) {
    this.lanes = new Lanes(wishes, tip)
    this.heat = new Heat(wishes, tip, (cell, scale) => onCell(this, cell, scale))
  }

  get all(): Range {
    return { from: this.facts.from, to: this.facts.to }
  }

  scene(state: PageState): Scene {
    const { facts, findings, picture } = this
    if (picture === null) throw new Error('a panel without a picture has no scene')
    return { state: shifted(state, this.offset), facts, findings, picture }
  }

  wanted({ range, subject, where }: PageState, all: Range): Wanted {
    const width = this.lanes.element.querySelector('.over')?.clientWidth ?? 0
    const steps = width === 0 ? STEPS.usual : Math.max(STEPS.least, Math.min(STEPS.most, width))
    return { side: this.side, range: this.range(range, all), steps, subject, where }
  }

  /** What is shown of it: as much as of the first panel, whose whole is `all`, though it may lie beyond what was recorded. */
  range(range: Range | null, all: Range): Range {
    const { from, to } = rangeWithin(range, all)
    return { from: from + this.offset, to: to + this.offset }
  }

  async load(source: Source, state: PageState, all: Range): Promise<Shown> {
    const wanted = this.wanted(state, all)
    if (!this.isBeside) return source.picture(wanted)
    const shown = await source.picture(wanted).catch((error: unknown) => {
      // The first one is worth to be seen, whatever is wrong here.
      if (error instanceof SourceError)
        return { picture: emptyPicture(wanted.range), refining: false, problem: error }
      throw error
    })
    return { ...shown, picture: paddedPicture(shown.picture, wanted.range, wanted.steps) }
  }

  draw(state: PageState): void {
    const scene = this.scene(state)
    this.lanes.draw(scene)
    this.heat.draw(scene)
  }

  moveTo(state: PageState): void {
    const scene = this.scene(state)
    this.lanes.moveTo(scene)
    this.heat.moveTo(scene)
  }
}
