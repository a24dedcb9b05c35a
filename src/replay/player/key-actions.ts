/** Actions of keys beyond moving and changing the view. Each returns a stop to go to, a message, or both. */
import type { Recording } from '../../frame/model/recording.ts'
import type { WallMicros } from '../../frame/model/units.ts'
import { parseTime, spanOf, TimeError } from '../../frame/time/time.ts'
import type { Mark } from '../data/source.ts'
import { wholeSecondAsTick, type Stops } from '../time/stops.ts'
import type { Action, JumpKind } from './bindings.ts'
import { findJump, nothingFound } from './jumping.ts'
import type { PlayOptions } from './options.ts'

export interface Outcome {
  /** index of the stop to go to */
  readonly stop?: number
  readonly say?: string
}

/** The recording and the stop at which a key is pressed. */
export interface Place {
  readonly recording: Recording
  readonly stops: Stops
  /** index of the current stop */
  readonly stop: number
}

/** Why the action is not possible here, or null if it is. */
export function refusalOf(action: Action, { isLive, mark, command }: PlayOptions): string | null {
  if (action.kind === 'live' && !isLive) return 'this recording has ended: there is no live'
  if (action.kind === 'prompt' && action.prompt === 'marker' && mark === null)
    return 'no marker can be set: there is no file, or it can not be written'
  if (action.kind === 'command' && command === null)
    return isLive
      ? "live has no file: 'upstreamtop record --out FILE' keeps one"
      : 'no command shows this again: it came through standard input'
  return null
}

/** Finds the stop of a time that was typed. */
export function goToText(
  text: string,
  { recording, stops }: Place,
  timeZone: string,
  now: WallMicros,
): Outcome {
  const { ticks, markers, info } = recording
  const span = spanOf(ticks) ?? { from: info.start, to: info.end }
  try {
    return { stop: stops.ofTime(wholeSecondAsTick(parseTime(text, { span, timeZone, now, markers }))) }
  } catch (error) {
    if (error instanceof TimeError) return { say: `${error.message}. ${error.remedy}` }
    throw error
  }
}

export function jumpTo(
  to: Exclude<JumpKind, 'backend'>,
  direction: 1 | -1,
  { recording, stops, stop }: Place,
): Outcome {
  const target = findJump(to, direction, stop, recording, stops)
  return target === null ? { say: nothingFound(to, direction) } : { stop: target.stop, say: target.text }
}

/** A marker that cannot be written gives a message, not an exception. */
export function setMarker(text: string, mark: Mark, { recording, stops, stop }: Place): Outcome {
  try {
    mark({ at: stops.at(stop).from, kind: 'note', text })
    recording.refresh()
    return { say: `marked: ${text}` }
  } catch (error) {
    return { say: `not marked: ${error instanceof Error ? error.message : String(error)}` }
  }
}
