/** What keys and buttons do. */
import type { PageFinding } from '../../picture/facts.ts'
import { SORTS } from '../state/address.ts'
import { jumpFrom, nothingFound } from '../state/jumping.ts'
import type { PageAction } from '../state/keys.ts'
import { momentWithin, rangeAround, rangeWith, zoomed } from '../state/moves.ts'
import type { App } from './app.ts'
import { stepStart } from './parts/toolbar.ts'

/** What an action needs beside the state. */
export interface Hands {
  readonly play: () => void
  readonly help: () => void
  readonly filter: () => void
  readonly row: (by: 1 | -1) => void
  readonly requests: () => void
  /** @returns false: nothing was open */
  readonly close: () => boolean
  readonly say: (text: string) => void
}

export function actOn(app: App, hands: Hands, action: PageAction): void {
  const { state, range } = app
  const { all } = app.first
  const at = state.at ?? range.from
  switch (action.kind) {
    case 'play':
      hands.play()
      break
    case 'help':
      hands.help()
      break
    case 'filter':
      hands.filter()
      break
    case 'row':
      hands.row(action.by)
      break
    case 'enter':
      hands.requests()
      break
    case 'back':
      goBack(app, hands)
      break
    case 'all':
      app.zoomTo(null)
      break
    case 'zoom':
      app.zoomTo(zoomed(range, action.factor, state.at ?? (range.from + range.to) / 2, all))
      break
    case 'seek':
      moveTo(app, at + Math.sign(action.by) * Math.max(Math.abs(action.by), app.picture.step))
      break
    case 'end':
      moveTo(app, action.end === 'first' ? all.from : all.to)
      break
    case 'tenth':
      moveTo(app, all.from + ((all.to - all.from) * action.tenth) / 10)
      break
    case 'sort':
      app.go({ sort: SORTS[(SORTS.indexOf(state.sort) + action.by + SORTS.length) % SORTS.length]! })
      break
    case 'jump':
      jump(app, hands, action)
      break
    default:
      action satisfies never
  }
}

function jump(app: App, { say }: Hands, { to, direction }: Extract<PageAction, { kind: 'jump' }>): void {
  const { findings } = app.first
  // The ticks' events are of all traffic.
  const facts = app.state.where === '' ? app.first.facts : { ...app.first.facts, events: null }
  const scope = { shown: app.picture, whole: app.whole ?? app.picture, facts, findings }
  const found = jumpFrom(app.state.at ?? app.range.from, to, direction, scope)
  say(found === null ? nothingFound(to, direction) : '')
  if (found !== null) moveTo(app, found)
}

/** The moment, in a range that has it: what is shown goes along. */
export function moveTo(app: App, second: number): void {
  const { all } = app.first
  const at = momentWithin(second, all)
  const range = app.state.range && rangeWith(app.range, at, all)
  const isSame = range === null || range.from === app.range.from
  app.go({ at: isSame ? stepStart(app.picture, at) : at, range: isSame ? app.state.range : range })
}

/** @returns false at the end of what is there */
export function stepOn(app: App): boolean {
  const { picture, first, state } = app
  const next = stepStart(picture, state.at ?? app.range.from) + picture.step * 1.000001
  if (next >= first.all.to) return false
  moveTo(app, next)
  return true
}

export function showFinding(app: App, { from, to, backend, route }: PageFinding): void {
  const subject = backend === null ? null : { backend, route }
  app.zoomTo(rangeAround({ from, to }, app.first.all), { at: momentWithin(from, app.first.all), subject })
}

/** One thing at a time: what is open, the moment, the route, the backend, the zoom. */
function goBack(app: App, { close }: Hands): void {
  const { at, subject } = app.state
  if (close()) return
  if (at !== null) app.go({ at: null })
  else if (app.zoomBack()) return
  else if (subject !== null) app.go({ subject: subject.route === null ? null : { ...subject, route: null } })
}
