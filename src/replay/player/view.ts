/** The view of a moment: page, order, filter, cursor, prompt. Pure: a view and an action give the next view. */
import type { Subject } from '../../frame/views/drilldown.ts'
import { SORTS, type Sort } from '../../frame/views/ranking.ts'
import type { Key } from '../terminal/key-names.ts'
import { isText } from '../terminal/keys.ts'
import type { Action, PromptKind } from './bindings.ts'
import {
  cellOf,
  heatPageOf,
  timeMoved,
  zoomed,
  type CellPage,
  type HeatChoices,
  type HeatPage,
} from './heat-pages.ts'

export type Page =
  | { readonly kind: 'board' }
  /** selected: null until the user moves the cursor; until then it is on the worst row */
  | { readonly kind: 'detail'; readonly subject: Subject; readonly selected: number | null }
  | { readonly kind: 'requests'; readonly subject: Subject; readonly selected: number }
  | HeatPage
  | CellPage

export interface Prompt {
  readonly kind: PromptKind
  readonly text: string
}

export interface View {
  /** the stack of pages: the first is the board, the last is shown */
  readonly pages: readonly [Page, ...Page[]]
  /** id of the board's row under the cursor */
  readonly selected: string | null
  readonly sort: Sort
  readonly filter: string
  readonly windowSeconds: number
  readonly prompt: Prompt | null
  readonly message: string | null
  /** the first line of the help that is shown; null: the help is closed */
  readonly help: number | null
}

const WINDOWS = [1, 5, 10, 60] as const

export const firstView = (sort: Sort, filter: string, windowSeconds: number): View => ({
  pages: [{ kind: 'board' }],
  selected: null,
  sort,
  filter,
  windowSeconds,
  prompt: null,
  message: null,
  help: null,
})

export const pageOf = ({ pages }: View): Page => pages.at(-1)!

/** What can be selected on the current page. */
export interface Selectable {
  /** ids of the board's rows, and what Enter opens */
  readonly rows: readonly { readonly id: string; readonly subject: Subject }[]
  /** on a backend's page: the subjects of its routes; on a page of requests: as many as there are */
  readonly items: readonly (Subject | null)[]
  /** index, in rows or items, of the backend or route in trouble with the most 5xx and failures; 0 if none is in trouble */
  readonly worst: number
  readonly pageSize: number
  /** of a heatmap's page */
  readonly heat: HeatChoices | null
  /** the last line that the help can begin with; 0 if all of it fits */
  readonly helpEnd: number
}

/** The view after the action; unchanged if the action does not change the view. */
export function viewAfter(view: View, action: Action, selectable: Selectable): View {
  switch (action.kind) {
    case 'help':
      return { ...view, help: view.help === null ? 0 : null }
    case 'back':
      return back(view)
    case 'enter':
      return entered(view, selectable)
    case 'move':
      return view.help === null
        ? moved(view, action.by, selectable)
        : helpScrolled(view, action.by, selectable)
    case 'page':
      return view.help === null
        ? moved(view, action.by * selectable.pageSize, selectable)
        : helpScrolled(view, action.by * selectable.pageSize, selectable)
    case 'heatmap':
      return heatmapToggled(view)
    case 'zoom': {
      const page = pageOf(view)
      return page.kind === 'heatmap' ? withPage(view, zoomed(page)) : view
    }
    case 'sort': {
      const next = (SORTS.indexOf(view.sort) + action.by + SORTS.length) % SORTS.length
      return { ...view, sort: SORTS[next]! }
    }
    case 'window': {
      const next = WINDOWS.find((seconds) => seconds > view.windowSeconds) ?? WINDOWS[0]
      return { ...view, windowSeconds: next }
    }
    case 'prompt':
      return { ...view, prompt: { kind: action.prompt, text: action.prompt === 'filter' ? view.filter : '' } }
    default:
      return view
  }
}

/** Closes or clears one thing: the help, the page, the cursor or the filter, in this order. */
function back(view: View): View {
  const [first, ...rest] = view.pages
  if (view.help !== null) return { ...view, help: null }
  if (rest.length > 0) return { ...view, pages: [first, ...rest.slice(0, -1)] }
  if (view.selected !== null) return { ...view, selected: null }
  return { ...view, filter: '' }
}

/** Without a cursor Enter opens the worst row. */
function entered(view: View, { rows, items, worst, heat }: Selectable): View {
  const page = pageOf(view)
  const opened = (next: Page): View => ({ ...view, pages: [...view.pages, next], help: null })
  switch (page.kind) {
    case 'board': {
      const row = rows.find(({ id }) => id === view.selected) ?? rows[worst]
      return row === undefined ? view : opened({ kind: 'detail', subject: row.subject, selected: null })
    }
    case 'detail': {
      if (page.subject.route !== null) return opened({ kind: 'requests', subject: page.subject, selected: 0 })
      const subject = items[page.selected ?? worst] ?? items[0]
      return subject == null ? view : opened({ kind: 'detail', subject, selected: null })
    }
    case 'heatmap':
      return opened(cellOf(page, heat))
    case 'cell':
    case 'requests':
      return view
  }
}

const withPage = (view: View, page: Page): View => {
  const [first, ...rest] = view.pages
  return rest.length === 0 ? view : { ...view, pages: [first, ...rest.slice(0, -1), page] }
}

/** Of all traffic, or of the page's backend or route; closed by the same key. */
function heatmapToggled(view: View): View {
  const page = pageOf(view)
  if (view.help !== null || page.kind === 'cell') return view
  if (page.kind === 'heatmap') return back(view)
  return { ...view, pages: [...view.pages, heatPageOf(page.kind === 'board' ? null : page.subject)] }
}

function moved(view: View, by: number, { rows, items, worst, heat }: Selectable): View {
  const page = pageOf(view)
  if (page.kind === 'heatmap') return withPage(view, timeMoved(page, by, heat))
  if (page.kind === 'board') {
    const now = rows.findIndex(({ id }) => id === view.selected)
    const next = now < 0 ? (by > 0 ? 0 : rows.length - 1) : clamp(now + by, rows.length)
    return { ...view, selected: rows[next]?.id ?? null }
  }
  return withPage(view, { ...page, selected: clamp((page.selected ?? worst) + by, items.length) })
}

const helpScrolled = (view: View, by: number, { helpEnd }: Selectable): View => ({
  ...view,
  help: clamp((view.help ?? 0) + by, helpEnd + 1),
})

const clamp = (index: number, count: number): number => Math.max(0, Math.min(count - 1, index))

export type PromptEnd = { readonly kind: PromptKind; readonly text: string } | 'cancelled' | null

/** A key in the prompt: the view with the prompt's new text, and how the prompt ended if it did. */
export function promptAfter(view: View, key: Key): { readonly view: View; readonly end: PromptEnd } {
  const { prompt } = view
  if (prompt === null) return { view, end: null }
  const withText = (text: string): { view: View; end: null } => ({
    view: { ...view, prompt: { ...prompt, text } },
    end: null,
  })
  switch (key) {
    case 'enter':
      return { view: { ...view, prompt: null }, end: prompt }
    case 'escape':
    case 'C-c':
      return { view: { ...view, prompt: null }, end: 'cancelled' }
    case 'backspace':
      return withText(Array.from(prompt.text).slice(0, -1).join(''))
    case 'C-u':
      return withText('')
    case 'C-w':
      return withText(prompt.text.replace(/\S*\s*$/, ''))
    case 'space':
      return withText(`${prompt.text} `)
    default:
      return isText(key) ? withText(prompt.text + key) : { view, end: null }
  }
}

/** Pasted text in the prompt. Its line ends are blanks: only the user's own Enter ends a prompt. */
export const pastedInto = (view: View, prompt: Prompt, text: string): View => ({
  ...view,
  prompt: { ...prompt, text: prompt.text + text.replace(/\s+/g, ' ').replace(/[\p{Cc}\ufffd]/gu, '') },
})
