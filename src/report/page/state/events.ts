/** Where something happens in a picture, for the keys that jump: replay's own rules, on the steps of the picture. Pure. */
import { micros, type Micros } from '../../../frame/model/units.ts'
import { burstStarts, changesAt, slowdownStarts } from '../../../frame/time/jumps.ts'
import type { PageFacts } from '../../picture/facts.ts'
import type { Picture } from '../../picture/picture.ts'
import { secondAt } from '../draw/time-axis.ts'
import { backendLines } from './cut.ts'
import type { JumpKind } from './keys.ts'

/** Seconds since 1970, in order. */
export function eventsOf(
  kind: JumpKind,
  picture: Picture,
  facts: Pick<PageFacts, 'gaps' | 'markers'>,
): readonly number[] {
  switch (kind) {
    case 'trouble':
      return atSteps(picture, burstStarts)
    case 'slow':
      return atSteps(picture, slowdownStarts)
    case 'backend':
      return backendChanges(picture)
    case 'gap':
      return facts.gaps.map(({ from }) => from).sort((a, b) => a - b)
    case 'marker':
      return facts.markers.map(({ at }) => at).sort((a, b) => a - b)
  }
}

interface StepCounts {
  readonly requests: number
  readonly answered: number
  readonly fivexx: number
  readonly failures: number
  readonly headerSum: Micros
}

/** Bursts are of counts. Of header times a picture has the median where a tick has the mean. */
function atSteps(
  picture: Picture,
  startsOf: (steps: readonly StepCounts[]) => readonly number[],
): readonly number[] {
  const total = picture.lines[0]
  if (total === undefined) return []
  const { series, p50 } = total
  const recorded = [...picture.seconds.keys()].filter((i) => picture.seconds[i]! > 0)
  const steps = recorded.map((i) => ({
    requests: series.requests[i]!,
    answered: series.answered[i]!,
    fivexx: series.fivexx[i]!,
    failures: series.failures[i]!,
    headerSum: micros((p50[i] ?? 0) * series.answered[i]!),
  }))
  return startsOf(steps).map((k) => secondAt(picture, recorded[k]!))
}

function backendChanges(picture: Picture): readonly number[] {
  const lines = backendLines(picture)
  const recorded = [...picture.seconds.keys()].filter((i) => picture.seconds[i]! > 0)
  const busy = recorded.map(
    (i) =>
      new Set(lines.flatMap(({ subject, series }) => (series.requests[i]! > 0 ? [subject!.backend] : []))),
  )
  return recorded.flatMap((i, k) =>
    k > 0 && changesAt(k, recorded.length, (step) => busy[step]!).length > 0 ? [secondAt(picture, i)] : [],
  )
}
