/** The table of a moment or a range: what its rows say, their order, and which of them a text keeps. Pure. */
import { ratio } from '../../../frame/expression/measure.ts'
import type { Micros } from '../../../frame/model/units.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import type { Sort } from './address.ts'
import type { LineSum } from './sums.ts'

export interface Row {
  readonly subject: Subject
  readonly label: string
  /** a backend and its routes have the same: one address may have several names */
  readonly owner: string
  readonly requests: number
  /** per second; null: nothing was recorded */
  readonly rps: number | null
  /** of all requests, or of its backend's; null: there are none */
  readonly share: number | null
  readonly p50: Micros | null
  readonly p99: Micros | null
  /** the picture has no header times for more than a step */
  readonly timesUnknown: boolean
  readonly fivexx: Part
  /** null: there was no gRPC, or nothing tells */
  readonly grpc: Part | null
  readonly failures: number
}

interface Part {
  readonly count: number
  /** null: there is nothing that it is a part of */
  readonly share: number | null
}

/** @param whole requests that the row is a share of @param owner label of its backend */
export function rowOf(sum: LineSum, subject: Subject, whole: number, owner: string): Row {
  const { requests, answered, fivexx, failures, grpcEnded, grpcErrors } = sum.counts
  return {
    subject,
    label: sum.label,
    owner: `${subject.backend} ${owner}`,
    requests,
    rps: sum.seconds === 0 ? null : requests / sum.seconds,
    share: ratio(requests, whole),
    p50: sum.p50,
    p99: sum.p99,
    timesUnknown: sum.timesUnknown,
    fivexx: { count: fivexx, share: ratio(fivexx, answered) },
    grpc: grpcEnded === 0 ? null : { count: grpcErrors, share: ratio(grpcErrors, grpcEnded) },
    failures,
  }
}

/** In the wanted order; routes stay below their backend. */
export function grouped(rows: readonly Row[], sort: Sort): readonly Row[] {
  const backends = rows.filter(({ subject }) => subject.route === null)
  const routesOf = new Map<string, Row[]>(backends.map(({ owner }) => [owner, []]))
  const alone: Row[] = []
  for (const row of rows) if (row.subject.route !== null) (routesOf.get(row.owner) ?? alone).push(row)
  return [
    ...sortedRows(backends, sort).flatMap((row) => [row, ...sortedRows(routesOf.get(row.owner) ?? [], sort)]),
    ...sortedRows(alone, sort),
  ]
}

/** Descending; a name ascending. What is equal keeps its order, that of the board. */
function sortedRows(rows: readonly Row[], sort: Sort): readonly Row[] {
  const byName = (a: Row, b: Row): number => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0)
  return rows.toSorted(sort === 'name' ? byName : (a, b) => KEYS[sort](b) - KEYS[sort](a))
}

const KEYS: Readonly<Record<Exclude<Sort, 'name'>, (row: Row) => number>> = {
  requests: ({ requests }) => requests,
  p50: ({ p50 }) => p50 ?? -1,
  p99: ({ p99 }) => p99 ?? -1,
  '5xx': ({ fivexx }) => fivexx.share ?? -1,
  failures: ({ failures }) => failures,
}

/** A part of a name, in either case. */
export const hasText = (label: string, text: string): boolean =>
  label.toLowerCase().includes(text.trim().toLowerCase())
