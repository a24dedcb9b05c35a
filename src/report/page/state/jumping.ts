/** The next event of a kind: of the ticks; where only pictures tell, in what is shown, else in all of it, whose steps are longer. Pure. */
import { nearest } from '../../../frame/time/jumps.ts'
import type { PageFacts, PageFinding } from '../../picture/facts.ts'
import type { Picture } from '../../picture/picture.ts'
import { eventsOf } from './events.ts'
import type { JumpKind } from './keys.ts'

const WORDS: Readonly<Record<JumpKind, string>> = {
  trouble: 'burst of errors',
  slow: 'slow-down',
  backend: 'backend that comes or goes',
  gap: 'gap',
  marker: 'marker',
}

export const nothingFound = (kind: JumpKind, direction: 1 | -1): string =>
  `no ${WORDS[kind]} ${direction > 0 ? 'after' : 'before'} this`

export interface JumpScope {
  readonly shown: Picture
  readonly whole: Picture
  readonly facts: Pick<PageFacts, 'gaps' | 'markers' | 'events'>
  readonly findings: readonly PageFinding[]
}

/** @returns seconds since 1970, null if there is none */
export function jumpFrom(
  at: number,
  kind: JumpKind,
  direction: 1 | -1,
  { shown, whole, facts, findings }: JumpScope,
): number | null {
  const places = [
    ...(ofTicks(kind, facts) ?? ofPictures(kind, shown, whole, facts)),
    ...findings.filter((finding) => kindOf(finding) === kind).map(({ from }) => from),
  ].sort((a, b) => a - b)
  // An event and the finding of it may lie in the same step.
  const apart = shown.step / 2
  return nearest(
    places.filter((place) => Math.abs(place - at) > apart),
    at,
    direction,
  )
}

const ofTicks = (kind: JumpKind, { events }: JumpScope['facts']): readonly number[] | null =>
  events !== null && (kind === 'trouble' || kind === 'slow') ? events[kind] : null

function ofPictures(
  kind: JumpKind,
  shown: Picture,
  whole: Picture,
  facts: JumpScope['facts'],
): readonly number[] {
  const isInside = (second: number): boolean => second >= shown.from && second < shown.to
  return [
    ...eventsOf(kind, shown, facts),
    ...eventsOf(kind, whole, facts).filter((second) => whole === shown || !isInside(second)),
  ]
}

function kindOf({ kind }: PageFinding): JumpKind | null {
  switch (kind) {
    case 'burst_5xx':
    case 'burst_failures':
    case 'burst_grpc_errors':
    case 'backend_refused':
      return 'trouble'
    case 'slow_down':
    case 'slow_tail':
      return 'slow'
    case 'backend_vanished':
    case 'backend_appeared':
      return 'backend'
    case 'gap':
      return 'gap'
    case 'surge':
    case 'stop':
      return null
  }
}
