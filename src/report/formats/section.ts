/** The parts of a report for people. Text, Markdown and HTML show the same sections, so their content is the same. */
import type { Subject } from '../../frame/views/drilldown.ts'

export type Section =
  | { readonly kind: 'title'; readonly text: string }
  /** one sentence per line */
  | { readonly kind: 'lines'; readonly title: string | null; readonly lines: readonly string[] }
  | {
      readonly kind: 'table'
      readonly title: string
      readonly columns: readonly Column[]
      readonly rows: readonly (readonly string[])[]
      readonly note: string | null
      /** what a page draws beside the text; a member for each row */
      readonly drawn?: readonly DrawnRow[]
    }
  | {
      readonly kind: 'chart'
      readonly title: string
      readonly values: readonly (number | null)[]
      readonly format: (value: number) => string
      readonly from: string
      readonly to: string
    }
  /** its lines are text, on a terminal in our own colours */
  | { readonly kind: 'heatmap'; readonly title: string; readonly lines: readonly string[] }
  | { readonly kind: 'code'; readonly title: string; readonly text: string }

export interface DrawnRow {
  /** whose line of the picture it is; null: none */
  readonly subject: Subject | null
  /** a bar in the cell, relative to the greatest of its column; null: none */
  readonly bars: readonly (number | null)[]
  /** of a cell that counts what went wrong: the share of all that was tried; null: it does not, or nothing tells */
  readonly shares: readonly (number | null)[]
}

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /** text from the traffic: backends, routes */
  readonly untrusted: boolean
}
