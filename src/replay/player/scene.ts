/** The player's whole screen as lines: the moment's page, the scrubber, the state and the keys. Pure. */
import { addressKey, routeKey } from '../../frame/model/aggregate.ts'
import { drilldown, type History } from '../../frame/views/drilldown.ts'
import type { Figures } from '../../frame/views/figures.ts'
import { leaderboard, type BoardOptions, type Leaderboard } from '../../frame/views/leaderboard.ts'
import type { Moment } from '../../frame/views/moment.ts'
import { boardLines, boardRows, type BoardView, type Size } from '../../render/board.ts'
import { TROUBLE } from '../../render/cells.ts'
import { helpEnd, helpLines } from '../../render/help.ts'
import { clipLine, EMPTY, line, type Line } from '../../render/line.ts'
import { scrubberLines, type Scrubber } from '../../render/scrubber.ts'
import { boardSize, CHROME_ROWS } from '../print/print.ts'
import { helpFor } from './bindings.ts'
import { footerLine, type FooterFacts } from './footer.ts'
import { heatChoices, heatLines, type SceneHeat } from './heat-scene.ts'
import { pageOf, type Selectable } from './view.ts'

/** The drill-down pages import the charts, so they are loaded when the first one is opened. */
export type Details = typeof import('../../render/detail.ts')

export interface Scene extends FooterFacts {
  /** null: there is no tick yet */
  readonly moment: Moment | null
  /** of the page's subject; empty for the leaderboard and for heatmaps */
  readonly history: History
  /** of a heatmap's pages alone */
  readonly heat: SceneHeat | null
  readonly host: string
  readonly timeZone: string
  /** the zone's offset changes within the recording */
  readonly withOffset: boolean
  /** how TLS is read, in sentences; empty: it is not */
  readonly tls: readonly string[]
  readonly board: Pick<BoardOptions, 'backends' | 'routes'>
  readonly scrubber: Scrubber | null
  readonly size: Size
  readonly details: Details | null
  /** the text that is shown while there is no tick */
  readonly empty: string
}

/** Exactly `size.rows` lines. */
export function sceneLines(scene: Scene): Line[] {
  const { size } = scene
  const body = bodyLines(scene).slice(0, size.rows - CHROME_ROWS)
  const filled = [...body, ...Array.from({ length: size.rows - CHROME_ROWS - body.length }, () => EMPTY)]
  return [...filled, ...chromeLines(scene)].slice(-size.rows).map((spans) => clipLine(spans, size.columns))
}

/** A heatmap shows the board's header alone. */
function boardOf({ moment, view, board }: Scene): Leaderboard | null {
  if (moment === null) return null
  const { kind } = pageOf(view)
  const shown = kind === 'heatmap' || kind === 'cell' ? { backends: 0, routes: 0 } : board
  return leaderboard(moment, { ...shown, sort: view.sort, filter: view.filter })
}

/** What can be selected on the current page. */
export function selectableOf(scene: Scene): Selectable {
  const board = boardOf(scene)
  const page = pageOf(scene.view)
  const sizes = {
    pageSize: Math.max(1, scene.size.rows - 12),
    helpEnd: helpEnd(helpFor(scene.isAscii), boardSize(scene.size)),
  }
  const heat = heatChoices(page, scene.heat, boardView(scene))
  const none = { rows: [], items: [], worst: 0, heat, ...sizes }
  if (board === null || scene.moment === null) return none
  if (page.kind === 'board') {
    const shown = boardRows(board, boardView(scene))
    const rows = shown.map(({ id, backend, route }) => ({
      id,
      subject: { backend: addressKey(backend.backend), route: route === null ? null : routeKey(route.route) },
    }))
    const worst = worstOf(shown.map(({ backend, route }) => (route === null ? backend : null)))
    return { ...none, rows, worst }
  }
  if (page.kind === 'heatmap') return none
  if (page.kind === 'cell') return { ...none, items: scene.heat?.requests.map(() => page.subject) ?? [] }
  const subject = drilldown(scene.moment, scene.history, page.subject, scene.view.sort)
  if (subject === null) return none
  if (page.kind === 'requests') return { ...none, items: subject.requests.map(() => page.subject) }
  const items = subject.routes.map(({ route }) => ({
    backend: page.subject.backend,
    route: routeKey(route),
  }))
  return { ...none, items, worst: worstOf(subject.routes) }
}

/** Index of the line in trouble with the most 5xx, failures and gRPC errors; 0 if no line is in trouble. */
function worstOf(lines: readonly (Figures | null)[]): number {
  const troubles = lines.map((figures) => (figures === null || figures.trouble < TROUBLE ? 0 : figures.bad))
  return Math.max(0, troubles.indexOf(Math.max(...troubles)))
}

function bodyLines(scene: Scene): Line[] {
  const { view, moment, size } = scene
  const board = boardOf(scene)
  if (view.help !== null) return helpLines(helpFor(scene.isAscii), boardSize(size), view.help)
  if (board === null || moment === null) return [line('upstreamtop', 'bold'), EMPTY, line(`  ${scene.empty}`)]
  const page = pageOf(view)
  if (page.kind === 'heatmap' || page.kind === 'cell')
    return heatLines(page, scene.heat, board, moment, boardView(scene))
  if (page.kind === 'board' || scene.details === null) return boardLines(board, boardView(scene))
  const subject = drilldown(moment, scene.history, page.subject, view.sort)
  if (subject === null) return [...boardLines(board, boardView(scene)).slice(0, 2), EMPTY, ...notSeen()]
  const draw = page.kind === 'detail' ? scene.details.detailLines : scene.details.requestsPage
  return draw(board, subject, {
    ...boardView(scene),
    tls: scene.tls,
    selected: page.selected ?? worstOf(subject.routes),
  })
}

const notSeen = (): Line[] => [
  line('  This backend has done nothing in these seconds. The arrow keys look around, Esc goes back.', 'dim'),
]

const boardView = ({ host, timeZone, withOffset, view, size }: Scene): BoardView => ({
  host,
  timeZone,
  withOffset,
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
  return [...bar, footerLine(scene, size.columns)]
}
