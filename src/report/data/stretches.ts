/**
 * A range without its long holes, and equal steps over what remains. A clock that was set from 1970 to now, or two recordings ten years
 * apart, cost what their ticks cost, and show as much as if the hole were not there.
 */
import { coveredBy } from '../../frame/model/aggregate.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import { micros, wallMicros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

/** A longer span without a tick is a hole. A shorter one, such as a restart, keeps its true length. */
const HOLE = 3600e6

/** In order, at least one; without a hole the whole range. */
export function stretchesOf(recordings: readonly Recording[], range: TimeSpan): readonly TimeSpan[] {
  const found = recordings.flatMap(({ ticks }) => runsOf(ticks, range)).sort((a, b) => a.from - b.from)
  const stretches: { from: WallMicros; to: WallMicros }[] = []
  for (const run of found) {
    const last = stretches.at(-1)
    if (last !== undefined && run.from <= last.to + HOLE) last.to = later(last.to, run.to)
    else stretches.push({ ...run })
  }
  const [first, last] = [stretches[0], stretches.at(-1)]
  if (first === undefined || last === undefined) return [range]
  if (first.from - range.from <= HOLE) first.from = range.from
  if (range.to - last.to <= HOLE) last.to = range.to
  return stretches
}

export const lengthOf = (stretches: readonly TimeSpan[]): Micros =>
  micros(stretches.reduce((sum, { from, to }) => sum + to - from, 0))

/** In the order of the ticks: one, and one more after each hole and each step of the clock beyond one. */
function runsOf(ticks: readonly TickSummary[], range: TimeSpan): TimeSpan[] {
  const runs: { from: WallMicros; to: WallMicros }[] = []
  for (const { start, length } of ticks) {
    if (start < range.from || start >= range.to) continue
    const end = wallMicros(Math.min(range.to, start + coveredBy(length)))
    const last = runs.at(-1)
    if (last === undefined || start > last.to + HOLE || end < last.from - HOLE)
      runs.push({ from: start, to: end })
    else {
      last.from = wallMicros(Math.min(last.from, start))
      last.to = later(last.to, end)
    }
  }
  return runs
}

const later = (a: WallMicros, b: WallMicros): WallMicros => wallMicros(Math.max(a, b))

interface Part extends TimeSpan {
  /** the first step's start, which may lie before `from` */
  readonly start: WallMicros
  /** number of the first step */
  readonly index: number
  readonly count: number
}

/** Numbers the steps of all stretches. A hole is a few steps without a tick. */
export class StepGrid {
  readonly count: number
  readonly #parts: readonly Part[]

  /** @param hole steps that stand for a hole */
  constructor(
    readonly stretches: readonly TimeSpan[],
    readonly step: Micros,
    hole: number,
  ) {
    const parts: Part[] = []
    let index = 0
    for (const { from, to } of stretches) {
      const start = wallMicros(Math.floor(from / step) * step)
      // The last tick ends some µs after its second. That must not add a step.
      const count = Math.max(1, Math.ceil((to - start) / step - 1e-3))
      parts.push({ from, to, start, index, count })
      index += count + hole
    }
    this.#parts = parts
    this.count = index - hole
  }

  /** The number of the first step of each stretch, and when it starts. */
  get starts(): readonly Pick<Part, 'index' | 'start'>[] {
    return this.#parts.map(({ index, start }) => ({ index, start }))
  }

  /** The step that contains the time; in a hole, the last one before it. */
  indexOf(at: WallMicros): number {
    const { index, start, count } = this.#part((part) => part.start <= at)
    return index + Math.max(0, Math.min(count - 1, Math.floor((at - start) / this.step)))
  }

  /** When the step begins within the range; the end of its stretch for the steps of a hole, and after the last one. */
  timeOf(index: number): WallMicros {
    const part = this.#part((each) => each.index <= index)
    const steps = index - part.index
    if (steps >= part.count) return part.to
    return wallMicros(Math.min(part.to, Math.max(part.from, part.start + steps * this.step)))
  }

  /** The last part for which `before` is true; these must be the first ones. */
  #part(before: (part: Part) => boolean): Part {
    let [low, high] = [0, this.#parts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (before(this.#parts[middle]!)) low = middle
      else high = middle
    }
    return this.#parts[low]!
  }
}
