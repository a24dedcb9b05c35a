/** The kept requests of a place of a heatmap, or of a column of it. Pure. */
import type { RequestEvent } from '../../frame/model/frame.ts'
import { heatColumn } from '../../frame/views/heat.ts'
import type { HeatMap } from '../../frame/views/heat-sum.ts'
import { bucketOf } from '../../frame/model/histogram.ts'
import { micros, type Micros } from '../../frame/model/units.ts'
import { EMPTY, line, span, type Line } from '../line.ts'
import { count, plural } from '../quantities.ts'
import { requestLines, type RequestsView } from '../requests.ts'
import type { Clock } from './axes.ts'
import { columnTime, timesText } from './read-out.ts'
import { cursorColumn } from './rows.ts'

export interface CellView extends Omit<RequestsView, 'title'>, Clock {
  /** what the map is of */
  readonly title: Line
  /** header times in [from, beyond); null: the whole column */
  readonly times: readonly [from: Micros, beyond: Micros] | null
  /** of the first request that is shown */
  readonly selected: number
}

/** At most `view.rows` lines. */
export function cellLines(map: HeatMap, requests: readonly RequestEvent[], view: CellView): Line[] {
  const column = cursorColumn(map)
  if (column === null) return [view.title]
  const when = columnTime(column.from, map.step, view)
  const what = view.times === null ? '' : ` · ${timesText(view.times)}`
  const answers = answersIn(column.sum.header.buckets, view.times)
  const listed = requestLines(requests.slice(view.selected), {
    ...view,
    rows: view.rows - 3,
    title: `${count(requests.length)} kept, newest first`,
  })
  const none = line('  None of these requests was kept. The arrow keys look around, Esc goes back.', 'dim')
  return [
    view.title,
    [span(`${when}${what} · ${plural(answers, 'answer')}`, 'bold')],
    EMPTY,
    ...(listed.length > 0 ? listed : [none]),
  ].slice(0, view.rows)
}

/** As the map counts them; the bounds are those of a row. */
function answersIn(buckets: readonly number[], times: CellView['times']): number {
  if (times === null) return buckets.reduce((sum, value, i) => sum + (i % 2 === 1 ? value : 0), 0)
  const first = bucketOf(times[0])
  const group = bucketOf(micros(times[1] - 1)) + 1 - first
  // The rows before, this one, and those behind it: what lies beyond is in the outer two.
  return heatColumn(buckets, { first: first - group, rows: 3, group })[1]!
}
