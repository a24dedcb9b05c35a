/** Finer pictures of findings that are too short for the step of the whole range: a burst of five seconds is seen in a page of a day. */
import { micros, wallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { StepGrid } from '../data/stretches.ts'
import type { PageFacts } from './facts.ts'
import { fitted } from './fitted.ts'
import type { PackedPicture } from './packed-picture.ts'
import type { Picture } from './picture.ts'

/** A finding of fewer steps is hard to see. */
const MIN_STEPS = 8
/** Around a finding, so that it is seen what it differs from. */
const MARGIN = 30
const MAX_CLOSE_UPS = 12
/** Seconds of a close-up at most; their steps are seconds. */
const MAX_LENGTH = 900

/** In order of time. @param room characters of all of them */
export function closeUps(
  { findings, from, to }: Pick<PageFacts, 'findings' | 'from' | 'to'>,
  { step }: Pick<Picture, 'step'>,
  draw: (range: TimeSpan, grid: StepGrid) => Picture,
  room: number,
): PackedPicture[] {
  if (step <= 1) return []
  const short = findings
    .filter((each) => each.kind !== 'gap' && each.to - each.from < MIN_STEPS * step)
    .map((each) => ({ from: each.from - MARGIN, to: each.to + MARGIN }))
    .filter((each) => each.to - each.from <= MAX_LENGTH)
  let left = room
  return joined(short)
    .slice(0, MAX_CLOSE_UPS)
    .flatMap((span) => {
      const range = {
        from: wallMicros(Math.max(from, Math.floor(span.from)) * 1e6),
        to: wallMicros(Math.min(to, Math.ceil(span.to)) * 1e6),
      }
      const { packed, isEnough } = fitted(draw(range, new StepGrid([range], micros(1e6), 0)), left)
      if (!isEnough) return []
      left -= JSON.stringify(packed).length
      return [packed]
    })
}

/** Those that overlap as one, as long as that is not too long. */
function joined(spans: readonly { readonly from: number; readonly to: number }[]): typeof spans {
  const result: { from: number; to: number }[] = []
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    const isOne = last !== undefined && from <= last.to && Math.max(last.to, to) - last.from <= MAX_LENGTH
    if (isOne) last.to = Math.max(last.to, to)
    else result.push({ from, to })
  }
  return result
}
