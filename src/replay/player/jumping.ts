/** Jumps in a recording: from the current stop to the next event of a kind, and the message about it. */
import { addressKey } from '../../frame/model/aggregate.ts'
import type { Recording, TickSummary } from '../../frame/model/recording.ts'
import {
  burstStarts,
  changesAt,
  nearest,
  slowdownStarts,
  type BackendChange,
} from '../../frame/time/jumps.ts'
import type { SecondActivity } from '../../frame/views/moment.ts'
import { ActivityReader } from '../data/activity-reader.ts'
import { wholeSecondAsTick, type Stops } from '../time/stops.ts'
import type { JumpKind } from './bindings.ts'

export interface JumpTarget {
  readonly stop: number
  readonly text: string
}

const WORDS: Readonly<Record<JumpKind, string>> = {
  trouble: 'burst of 5xx or failures',
  slow: 'slow-down',
  backend: 'backend that appears or vanishes',
  gap: 'gap',
  marker: 'marker',
}

export const nothingFound = (kind: JumpKind, direction: 1 | -1): string =>
  `no ${WORDS[kind]} ${direction > 0 ? 'after' : 'before'} this`

/** All kinds but backends, which need the frames: see `searchBackends`. */
export function findJump(
  kind: Exclude<JumpKind, 'backend'>,
  direction: 1 | -1,
  from: number,
  recording: Recording,
  stops: Stops,
): JumpTarget | null {
  const { ticks } = recording
  const nearestOf = (places: readonly number[], text: (tick: TickSummary) => string): JumpTarget | null => {
    const stop = nearest(
      places.map((tick) => stops.ofTick(tick)),
      from,
      direction,
    )
    return stop === null ? null : { stop, text: text(ticks[stops.at(stop).tick]!) }
  }
  switch (kind) {
    case 'trouble':
      return nearestOf(
        burstStarts(ticks),
        ({ fivexx, failures }) =>
          `${WORDS.trouble}: ${fivexx} × 5xx, ${failures} failures in its first second`,
      )
    case 'slow':
      return nearestOf(slowdownStarts(ticks), () => `${WORDS.slow}: the mean header time goes up and stays`)
    case 'gap': {
      const stop = nearest(stops.gaps, from, direction)
      return stop === null ? null : { stop, text: 'gap: nothing was recorded' }
    }
    case 'marker': {
      const places = recording.markers
        .map(({ at, text }) => ({ stop: stops.ofTime(wholeSecondAsTick(at)), text }))
        .sort((a, b) => a.stop - b.stop)
      const stop = nearest(
        places.map((place) => place.stop),
        from,
        direction,
      )
      const texts = places.filter((place) => place.stop === stop).map(({ text }) => text)
      return stop === null ? null : { stop, text: `marker: ${texts.join(', ')}` }
    }
  }
}

export interface Found {
  /** sequence number of the tick. Indexes shift when a recording grows and drops old ticks */
  readonly seq: number
  readonly changes: readonly BackendChange[]
}

/**
 * Searches the frames recorded so far for the next backend that appears or vanishes. Yields its progress, 0 to 1, so that the
 * caller can pause or end the search.
 */
export function* searchBackends(
  direction: 1 | -1,
  fromTick: number,
  recording: Recording,
): Generator<number, Found | null> {
  const ticks = recording.ticks.slice()
  const busyAt = busyBackends(recording, ticks)
  for (let tick = fromTick + direction; tick > 0 && tick < ticks.length; tick += direction) {
    const changes = changesAt(tick, ticks.length, busyAt)
    if (changes.length > 0) return { seq: ticks[tick]!.seq, changes }
    yield tick / ticks.length
  }
  return null
}

/** Ticks that are read at once. A check of a tick needs its neighbours, which lie in at most two blocks. */
const BLOCK = 512
const BLOCKS_KEPT = 2

/** The keys of the backends with requests, by tick. */
function busyBackends(
  recording: Recording,
  ticks: readonly TickSummary[],
): (tick: number) => ReadonlySet<string> {
  const reader = new ActivityReader(recording, BLOCK)
  const blocks = new Map<number, readonly ReadonlySet<string>[]>()
  return (tick) => {
    const number = Math.floor(tick / BLOCK)
    let block = blocks.get(number)
    if (block === undefined) {
      block = reader.of(ticks.slice(number * BLOCK, (number + 1) * BLOCK)).map(busyIn)
      blocks.set(number, block)
      if (blocks.size > BLOCKS_KEPT) blocks.delete(blocks.keys().next().value!)
    }
    return block[tick % BLOCK]!
  }
}

function busyIn(second: SecondActivity | null): ReadonlySet<string> {
  const busy = new Set<string>()
  // A backend that is renamed goes on.
  for (const { backend, requests } of second?.backends.values() ?? [])
    if (requests > 0) busy.add(addressKey(backend))
  return busy
}

export const changeText = (changes: readonly BackendChange[]): string =>
  changes.map(({ backend, change }) => `${backend.split(' ')[1] ?? backend} ${change}`).join(', ')
