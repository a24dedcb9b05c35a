/** The actions that move through time. Pure. */
import { addMicros } from '../../frame/model/units.ts'
import type { PlayRules, Stops } from '../time/stops.ts'
import {
  atTime,
  faster,
  follow,
  goTo,
  reverse,
  seekBy,
  step,
  togglePlay,
  type Timeline,
} from '../time/timeline.ts'
import type { Action } from './bindings.ts'

/** The timeline after the action; unchanged if the action does not move through time. */
export function travel(timeline: Timeline, action: Action, stops: Stops, rules: PlayRules): Timeline {
  if (stops.count === 0) return timeline
  switch (action.kind) {
    case 'play':
      return togglePlay(timeline, stops, rules)
    case 'reverse':
      return reverse(timeline)
    case 'seek':
      return seekBy(timeline, stops, action.by * 1_000_000)
    case 'step':
      return { ...step(timeline, stops, action.by), playing: false }
    case 'speed':
      return faster(timeline, action.by)
    case 'end':
      return goTo(timeline, stops, action.end === 'first' ? 0 : stops.last)
    case 'tenth': {
      const [first, last] = [stops.at(0), stops.at(stops.last)]
      return atTime(timeline, stops, addMicros(first.from, ((last.to - first.from) * action.tenth) / 10))
    }
    case 'live':
      return follow(timeline, stops)
    default:
      return timeline
  }
}
