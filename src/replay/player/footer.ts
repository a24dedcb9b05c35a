/** The last line of the screen: the state, then a prompt, a message, or the keys that work now. Pure. */
import type { Marker } from '../../frame/model/frame.ts'
import { joinFitting, padLine, span, type Line } from '../../render/line.ts'
import { clip, tail, visible } from '../../render/text.ts'
import type { Stop } from '../time/stops.ts'
import type { Timeline } from '../time/timeline.ts'
import { hintsFor, keysInAscii, type Hint, type PromptKind } from './bindings.ts'
import { pageOf, type View } from './view.ts'

export interface FooterFacts {
  readonly view: View
  readonly timeline: Timeline
  /** null: there is no tick yet */
  readonly stop: Stop | null
  /** markers that lie in the stop */
  readonly markersHere: readonly Marker[]
  /** the terminal shows only ASCII */
  readonly isAscii: boolean
  /** what this player can do: it may have no file, or no live end */
  readonly can: { readonly live: boolean; readonly mark: boolean; readonly command: boolean }
}

export function footerLine(facts: FooterFacts, columns: number): Line {
  const { prompt, message } = facts.view
  if (prompt !== null) {
    const question = ` ${PROMPTS[prompt.kind]}`
    const typed = tail(visible(prompt.text), columns - question.length - 1)
    return [span(question, 'accent'), span(typed), span(' ', 'cursor')]
  }
  const state = padLine([span(` ${stateText(facts)}`, 'bold')], STATE_CELLS)
  const room = columns - STATE_CELLS - 1
  if (message !== null) return [...state, span(clip(visible(message), room), 'accent')]
  const marks = facts.markersHere.map(({ text }): Line => [span(`◆ ${visible(text)}`, 'accent')])
  const hints = hintsHere(facts).map(({ keys, does }): Line => [span(keys, 'bold'), span(` ${does}`, 'dim')])
  // `space pause` is one cell longer than `space play`. The extra cell prevents that another hint is dropped for it.
  return [...state, ...joinFitting([...marks, ...hints], '  ', isMoving(facts) ? room + 1 : room)]
}

/** The state has a fixed width, so that the keys do not move: ` ▸ 0.25× ` is the longest. */
const STATE_CELLS = 9

const isMoving = ({ timeline: { playing, following } }: FooterFacts): boolean => playing || following

function hintsHere(facts: FooterFacts): Hint[] {
  const { view, timeline, stop, can } = facts
  const page = view.help !== null ? 'help' : pageOf(view).kind
  const live = can.live && !timeline.following
  const hints = hintsFor(page, { ...can, live, started: stop !== null, moving: isMoving(facts) })
  return facts.isAscii ? hints.map(({ keys, does }) => ({ keys: keysInAscii(keys), does })) : hints
}

const PROMPTS: Readonly<Record<PromptKind, string>> = {
  filter: 'filter backends and routes: ',
  time: 'go to (14:02, -5m, 30%, @marker): ',
  marker: 'text of the marker to set here: ',
}

function stateText({ timeline: { following, playing, direction, speed }, stop, can }: FooterFacts): string {
  if (stop === null) return can.live ? 'waiting' : 'empty'
  if (following) return can.live ? 'LIVE' : 'ended'
  return playing ? `${direction > 0 ? '▸' : '◂'} ${speed}×` : 'paused'
}
