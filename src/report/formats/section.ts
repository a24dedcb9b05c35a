/** The parts of a report for people: text, Markdown and the page draw the same ones, so that they say the same. */
export type Section =
  | { readonly kind: 'title'; readonly text: string }
  /** sentences, one a line */
  | { readonly kind: 'lines'; readonly title: string | null; readonly lines: readonly string[] }
  | {
      readonly kind: 'table'
      readonly title: string
      readonly columns: readonly Column[]
      readonly rows: readonly (readonly string[])[]
      readonly note: string | null
    }
  | {
      readonly kind: 'chart'
      readonly title: string
      readonly values: readonly (number | null)[]
      readonly format: (value: number) => string
      readonly from: string
      readonly to: string
    }
  | { readonly kind: 'code'; readonly title: string; readonly text: string }

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /** names from the wire: backends, routes */
  readonly foreign: boolean
}
