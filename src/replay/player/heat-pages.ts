/** The pages of the heatmap, and how keys change them. Pure. */
import type { Micros } from '../../frame/model/units.ts'
import type { Subject } from '../../frame/views/drilldown.ts'

export interface HeatPage {
  readonly kind: 'heatmap'
  /** null: all traffic */
  readonly subject: Subject | null
  /** seconds of a column */
  readonly seconds: number
  /** a header time in the row under the cursor; null: the cursor is on the whole column */
  readonly time: Micros | null
}

/** The requests of a place of the map, or of a column of it. */
export interface CellPage extends Pick<HeatPage, 'subject' | 'seconds'> {
  readonly kind: 'cell'
  readonly times: readonly [from: Micros, beyond: Micros] | null
  readonly selected: number
}

/** What the cursor of the map can be on. */
export interface HeatChoices {
  /** the header times of the rows, the slowest first */
  readonly rows: readonly (readonly [from: Micros, beyond: Micros])[]
  /** index of the row under the cursor; null: there is none yet */
  readonly row: number | null
  /** where the cursor begins */
  readonly slowest: number
}

/** Seconds of a column: as far as an arrow goes, with Shift, with Ctrl. */
const ZOOMS = [1, 10, 60] as const

export const heatPageOf = (subject: Subject | null): HeatPage => ({
  kind: 'heatmap',
  subject,
  seconds: ZOOMS[0],
  time: null,
})

export const zoomed = (page: HeatPage): HeatPage => ({
  ...page,
  seconds: ZOOMS.find((seconds) => seconds > page.seconds) ?? ZOOMS[0],
})

/** Up is slower. The first key brings the cursor to the slowest answer of the column. */
export function timeMoved(page: HeatPage, by: number, heat: HeatChoices | null): HeatPage {
  if (heat === null) return page
  const row = heat.row === null ? heat.slowest : heat.row + by
  const bounds = heat.rows[Math.max(0, Math.min(heat.rows.length - 1, row))]
  return bounds === undefined ? page : { ...page, time: bounds[0] }
}

export const cellOf = ({ subject, seconds }: HeatPage, heat: HeatChoices | null): CellPage => ({
  kind: 'cell',
  subject,
  seconds,
  times: heat?.row == null ? null : heat.rows[heat.row]!,
  selected: 0,
})
