/** What a page shows, and the same as the hash of its address: a link shows the same picture. */
import type { Subject } from '../../../frame/views/drilldown.ts'

/** [from, to), seconds since 1970 */
export interface Range {
  readonly from: number
  readonly to: number
}

export const SORTS = ['requests', 'p50', 'p99', '5xx', 'failures', 'name'] as const
export type Sort = (typeof SORTS)[number]

/** What stands beside the first picture: the other file, or the same one some seconds later; earlier, if they are negative. */
export type Pair = { readonly kind: 'file' } | { readonly kind: 'later'; readonly by: number }

export interface PageState {
  /** null: all of the recording */
  readonly range: Range | null
  /** the chosen moment, seconds since 1970; null: the whole range is in the table */
  readonly at: number | null
  /** null: all of the traffic */
  readonly subject: Subject | null
  /** in `view` an expression, in the page a part of a name */
  readonly where: string
  readonly sort: Sort
  readonly pair: Pair | null
}

export const START: PageState = {
  range: null,
  at: null,
  subject: null,
  where: '',
  sort: 'requests',
  pair: null,
}

/** Names of the network are at most a few hundred characters. A longer text is of nobody who used this page. */
const MAX_TEXT = 2000
/** JavaScript has no dates beyond. */
const MAX_SECOND = 8.64e12

/** Of any text: what it does not say well is as at the start. */
export function stateOf(hash: string): PageState {
  const words = new URLSearchParams(hash.replace(/^#/, ''))
  const text = (name: string): string => (words.get(name) ?? '').slice(0, MAX_TEXT)
  const [from, to, at] = [secondOf(text('from')), secondOf(text('to')), secondOf(text('at'))]
  const [backend, route] = [text('backend'), text('route')]
  return {
    range: from !== null && to !== null && from < to ? { from, to } : null,
    at,
    subject: backend === '' ? null : { backend, route: route === '' ? null : route },
    where: text('where'),
    sort: SORTS.find((sort) => sort === text('sort')) ?? START.sort,
    pair: pairOf(text('pair')),
  }
}

/** '' at the start */
export function addressOf({ range, at, subject, where, sort, pair }: PageState): string {
  const words = new URLSearchParams()
  if (range !== null) {
    words.set('from', secondText(range.from))
    words.set('to', secondText(range.to))
  }
  if (at !== null) words.set('at', secondText(at))
  if (subject !== null) words.set('backend', subject.backend)
  if (subject?.route != null) words.set('route', subject.route)
  if (where !== '') words.set('where', where)
  if (sort !== START.sort) words.set('sort', sort)
  if (pair !== null) words.set('pair', pair.kind === 'file' ? 'file' : secondText(pair.by))
  const text = words.toString()
  return text === '' ? '' : `#${text}`
}

export const sameSubject = (a: Subject | null, b: Subject | null): boolean =>
  a?.backend === b?.backend && a?.route === b?.route

function pairOf(text: string): Pair | null {
  if (text === 'file') return { kind: 'file' }
  const by = secondOf(text)
  return by === null || by === 0 ? null : { kind: 'later', by }
}

function secondOf(text: string): number | null {
  if (!/^-?\d{1,13}(\.\d{1,9})?$/.test(text)) return null
  const second = Number(text)
  return Math.abs(second) <= MAX_SECOND ? second : null
}

const secondText = (second: number): string => String(Number(second.toFixed(6)))
