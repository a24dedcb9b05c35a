/** The heatmap's pages as lines, and what their cursor can be on. Pure. */
import { addressKey } from '../../frame/model/aggregate.ts'
import type { RequestEvent } from '../../frame/model/frame.ts'
import type { Subject } from '../../frame/views/drilldown.ts'
import type { HeatMap } from '../../frame/views/heat-sum.ts'
import { labelOf } from '../../frame/views/labels.ts'
import type { Leaderboard } from '../../frame/views/leaderboard.ts'
import type { Moment } from '../../frame/views/moment.ts'
import type { BoardView } from '../../render/board.ts'
import { headerLines } from '../../render/header.ts'
import { cellLines } from '../../render/heatmap/cell-page.ts'
import { heatmapLines, rowsFor, type HeatView } from '../../render/heatmap/heatmap.ts'
import type { Look } from '../../render/heatmap/look.ts'
import { rowOf, slowestRow } from '../../render/heatmap/rows.ts'
import { line, span, type Line } from '../../render/line.ts'
import { clip, visible } from '../../render/text.ts'
import type { CellPage, HeatChoices, HeatPage } from './heat-pages.ts'
import type { Page } from './view.ts'

export interface SceneHeat {
  readonly map: HeatMap
  /** of the page of a cell */
  readonly requests: readonly RequestEvent[]
  readonly look: Look
}

export function heatLines(
  page: HeatPage | CellPage,
  heat: SceneHeat | null,
  board: Leaderboard,
  moment: Moment,
  view: BoardView,
): Line[] {
  const top = headerLines(board, view)
  if (heat === null) return top
  const { columns, rows } = view.size
  const title = titleOf(page.subject, moment, view)
  const room = rows - top.length
  const lines =
    page.kind === 'heatmap'
      ? heatmapLines(heat.map, { ...viewOf(page, heat, view), title })
      : cellLines(heat.map, heat.requests, {
          ...view,
          ...page,
          title,
          columns,
          rows: room,
          label: board.label,
        })
  return [...top, ...lines].slice(0, rows)
}

export function heatChoices(page: Page, heat: SceneHeat | null, view: BoardView): HeatChoices | null {
  if (page.kind !== 'heatmap' || heat === null) return null
  const rows = rowsFor(heat.map, viewOf(page, heat, view))
  const row = rowOf(rows, page.time)
  return {
    rows: rows.bounds.toReversed(),
    row: row === null ? null : rows.scale.rows - 1 - row,
    slowest: slowestRow(rows, heat.map.cursor),
  }
}

/** Lines of the header; a low screen, where it has one less, leaves one empty: so the rows do not depend on what it says. */
const HEADER = 3

const viewOf = (
  { time }: HeatPage,
  { look }: SceneHeat,
  { size, timeZone, withOffset }: BoardView,
): Omit<HeatView, 'title'> => ({
  columns: size.columns,
  lines: size.rows - HEADER,
  look,
  time,
  timeZone,
  withOffset,
})

/** The backend's name, or its address where it is idle now. */
function titleOf(
  subject: Subject | null,
  { window: { backends } }: Moment,
  { filter, size }: BoardView,
): Line {
  if (subject === null) return line(filter === '' ? 'all traffic' : 'all traffic, not filtered', 'bold')
  const backend = backends.find((sum) => addressKey(sum.backend) === subject.backend)?.backend
  const name = visible(
    backend === undefined
      ? (subject.backend.split(' ')[1] ?? '')
      : labelOf(backend, new Set(backends.map((sum) => sum.backend.netns)).size > 1),
  )
  const room = Math.max(16, size.columns - ROOM_OF_LEGEND)
  if (subject.route === null) return line(clip(name, room), 'bold')
  const path = clip(visible(subject.route), Math.max(8, room - name.length - 3))
  return [span(clip(name, Math.floor(room / 2)), 'bold'), span(' › ', 'dim'), span(path, 'bold')]
}

/** What is lost must be said beside the longest name. */
const ROOM_OF_LEGEND = 32
