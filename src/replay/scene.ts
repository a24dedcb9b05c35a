/** The player's whole screen as lines: the moment's page, the scrubber, the state and the keys. Pure. */
import { drilldown, type History } from '../frame/drilldown.ts'
import { leaderboard, type BoardOptions, type Leaderboard } from '../frame/leaderboard.ts'
import type { Moment } from '../frame/moment.ts'
import type { Marker } from '../frame/frame.ts'
import { boardLines, boardRows, type BoardView, type Size } from '../render/board.ts'
import { helpEnd, helpLines } from '../render/help.ts'
import { clipLine, EMPTY, joinFitting, line, lineWidth, span, type Line } from '../render/line.ts'
import { scrubberLines, type Scrubber } from '../render/scrubber.ts'
import { clip, tail, visible } from '../render/text.ts'
import { routeKey } from '../frame/aggregate.ts'
import { HELP, hintsFor, type PromptKind } from './bindings.ts'
import { boardSize, CHROME_ROWS } from './print.ts'
import type { Timeline } from './timeline.ts'
import type { Stop } from './stops.ts'
import { pageOf, type Selectable, type View } from './view.ts'

/** The pages behind the leaderboard bring the charts with them: loaded when the first one is opened. */
export type Details = typeof import('../render/detail.ts')

export interface Scene {
  /** null: there is no tick yet */
  readonly moment: Moment | null
  /** of the page's subject; empty for the leaderboard */
  readonly history: History
  readonly host: string
  readonly timeZone: string
  readonly board: Pick<BoardOptions, 'backends' | 'routes'>
  readonly view: View
  readonly timeline: Timeline
  readonly stop: Stop | null
  readonly scrubber: Scrubber | null
  /** markers that lie in the stop */
  readonly markersHere: readonly Marker[]
  readonly canLive: boolean
  readonly size: Size
  readonly details: Details | null
  /** what there is to say where there is nothing to see */
  readonly empty: string
}

/** Exactly `size.rows` lines. */
export function sceneLines(scene: Scene): Line[] {
  const { size } = scene
  const body = bodyLines(scene).slice(0, size.rows - CHROME_ROWS)
  const filled = [...body, ...Array.from({ length: size.rows - CHROME_ROWS - body.length }, () => EMPTY)]
  return [...filled, ...chromeLines(scene)].slice(-size.rows).map((spans) => clipLine(spans, size.columns))
}

export const boardOf = ({ moment, view, board }: Scene): Leaderboard | null =>
  moment === null ? null : leaderboard(moment, { ...board, sort: view.sort, filter: view.filter })

/** What can be selected on the page that the scene shows. */
export function selectableOf(scene: Scene): Selectable {
  const board = boardOf(scene)
  const page = pageOf(scene.view)
  const sizes = { pageSize: Math.max(1, scene.size.rows - 12), helpEnd: helpEnd(HELP, boardSize(scene.size)) }
  if (board === null || scene.moment === null) return { rows: [], items: [], ...sizes }
  if (page.kind === 'board') {
    const rows = boardRows(board, boardView(scene)).map(({ id, backend, route }) => ({
      id,
      subject: { backend: backend.key, route: route === null ? null : routeKey(route.route) },
    }))
    return { rows, items: [], ...sizes }
  }
  const subject = drilldown(scene.moment, scene.history, page.subject, scene.view.sort)
  if (subject === null) return { rows: [], items: [], ...sizes }
  const items =
    page.kind === 'requests'
      ? subject.requests.map(() => page.subject)
      : subject.routes.map(({ route }) => ({ backend: page.subject.backend, route: routeKey(route) }))
  return { rows: [], items, ...sizes }
}

function bodyLines(scene: Scene): Line[] {
  const { view, moment, size } = scene
  const board = boardOf(scene)
  if (view.help !== null) return helpLines(HELP, boardSize(size), view.help)
  if (board === null || moment === null) return [line('upstreamtop', 'bold'), EMPTY, line(`  ${scene.empty}`)]
  const page = pageOf(view)
  if (page.kind === 'board' || scene.details === null) return boardLines(board, boardView(scene))
  const subject = drilldown(moment, scene.history, page.subject, view.sort)
  if (subject === null) return [...boardLines(board, boardView(scene)).slice(0, 2), EMPTY, ...notSeen()]
  const draw = page.kind === 'detail' ? scene.details.detailLines : scene.details.requestsPage
  return draw(board, subject, { ...boardView(scene), selected: page.selected })
}

const notSeen = (): Line[] => [
  line('  This backend has done nothing in these seconds. ←→ looks around, Esc goes back.', 'dim'),
]

const boardView = ({ host, timeZone, view, size }: Scene): BoardView => ({
  host,
  timeZone,
  sort: view.sort,
  filter: view.filter,
  size: boardSize(size),
  selected: view.selected,
})

function chromeLines(scene: Scene): Line[] {
  const { scrubber, stop, size, timeZone } = scene
  const bar =
    scrubber === null || stop === null
      ? [EMPTY, EMPTY]
      : scrubberLines(scrubber, { columns: size.columns, timeZone, at: stop.from })
  return [...bar, footerLine(scene)]
}

const PROMPTS: Readonly<Record<PromptKind, string>> = {
  filter: 'filter backends and routes: ',
  time: 'go to (14:02, -5m, 30%, @marker): ',
  marker: 'text of the marker to set here: ',
}

function footerLine(scene: Scene): Line {
  const { view, size, canLive, markersHere } = scene
  if (view.prompt !== null) {
    const question = ` ${PROMPTS[view.prompt.kind]}`
    const typed = tail(visible(view.prompt.text), size.columns - question.length - 1)
    return [span(question, 'accent'), span(typed), span(' ', 'cursor')]
  }
  const state: Line = [span(` ${stateText(scene)}`, 'bold')]
  if (view.message !== null)
    return [
      ...state,
      span('  '),
      span(clip(visible(view.message), size.columns - lineWidth(state) - 3), 'accent'),
    ]
  const marks = markersHere.map(({ text }): Line => [span(`◆ ${visible(text)}`, 'accent')])
  const page = pageOf(view)
  const hints = hintsFor(page.kind, { live: canLive }).map(({ keys, does }): Line => [
    span(keys, 'bold'),
    span(` ${does}`, 'dim'),
  ])
  return [
    ...state,
    span('  '),
    ...joinFitting([...marks, ...hints], '  ', size.columns - lineWidth(state) - 3),
  ]
}

function stateText({ timeline: { following, playing, direction, speed }, stop }: Scene): string {
  if (stop === null) return 'waiting'
  if (following) return 'LIVE'
  return playing ? `${direction > 0 ? '▸' : '◂'} ${speed}×` : 'paused'
}
