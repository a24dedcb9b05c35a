/** The recording and the truth as plain objects, so that node:assert prints the difference. */
import assert from 'node:assert/strict'
import { grpcWord } from '../../../src/frame/model/grpc.ts'
import type { Codes, WireCounts } from '../../../src/frame/model/frame.ts'
import type { Attempt } from './nginx.ts'
import type { Truth, TruthRow } from './protocol.ts'
import type { Seen } from './watch.ts'
import { BY_GROUP } from './system.ts'
import { ownCounts } from '../../../src/frame/views/wires.ts'
import type { Failures } from '../../../src/frame/model/counters.generated.ts'

/** No tolerance: equal rows, requests and codes, no failure, no loss, and all sums reconcile. */
export function assertEqualsTruth(seen: Seen, truth: Truth): void {
  assert.deepEqual(rowsOf(seen), sortKeys(truth))
  assert.deepEqual(failuresOf(seen), {})
  assertNothingLost(seen)
  assertReconciles(seen)
}

export function rowsOf(seen: Pick<Seen, 'sum'>): Truth {
  const rows: Record<string, TruthRow> = {}
  for (const { backend, routes } of seen.sum.backends)
    for (const { route, requests, codes, grpc } of routes)
      if (requests > 0 || codes.length > 0)
        addRow(rows, `${backend.address} ${route.method} ${route.path}`, {
          requests,
          codes: codesOf(codes),
          ...(grpc === null || grpc.length === 0 ? {} : { grpc: codesOf(grpc, grpcWord) }),
        })
  return sortKeys(rows)
}

/** A backend whose name has changed is in the sum twice. */
function addRow(rows: Record<string, TruthRow>, key: string, row: TruthRow): void {
  const before = rows[key]
  rows[key] =
    before === undefined
      ? row
      : {
          requests: before.requests + row.requests,
          codes: added(before.codes, row.codes),
          ...(before.grpc === undefined && row.grpc === undefined
            ? {}
            : { grpc: added(before.grpc ?? {}, row.grpc ?? {}) }),
        }
}

function added(a: TruthRow['codes'], b: TruthRow['codes']): TruthRow['codes'] {
  const sums = { ...a }
  for (const [code, count] of Object.entries(b)) sums[code] = (sums[code] ?? 0) + count
  return sums
}

/** The failure kinds per row that are not zero. */
export function failuresOf(seen: Pick<Seen, 'sum'>): Readonly<Record<string, Partial<Failures>>> {
  const rows: Record<string, Partial<Failures>> = {}
  for (const { backend, routes } of seen.sum.backends)
    for (const { route, failures } of routes) {
      const kinds = Object.fromEntries(Object.entries(failures).filter(([, count]) => count !== 0))
      if (Object.keys(kinds).length > 0) rows[`${backend.address} ${route.method} ${route.path}`] = kinds
    }
  return rows
}

export const requestsOf = (truth: Truth): Record<string, number> =>
  sortKeys(Object.fromEntries(Object.entries(truth).map(([row, { requests }]) => [row, requests])))

/** Sums over all rows. */
export const total = (seen: Seen): { requests: number; answered: number; inFlight: number } => ({
  requests: seen.sum.totals.requests,
  answered: seen.sum.totals.answered,
  inFlight: seen.sum.totals.inFlight,
})

export function assertNothingLost(seen: Seen): void {
  const lost = Object.entries(seen.sum.loss).filter(
    ([kind, count]) => count !== 0 && !INFORMATIONAL.has(kind),
  )
  assert.deepEqual(lost, [])
}

/** Loss counters that describe the traffic; no number is missing because of them. */
const INFORMATIONAL: ReadonlySet<string> = new Set(['pathFolded', 'halfSeen'])

/** By control group those of other namespaces are counted, too. */
export function assertExcluded(seen: Seen, word: keyof Seen['sum']['excluded'], count: number): void {
  const excluded = seen.sum.excluded[word] ?? 0
  if (BY_GROUP) assert.ok(excluded >= count, `${word}: ${excluded} < ${count}`)
  else assert.equal(excluded, count, word)
}

/** Checks the identities of docs/NUMBERS.md on the final snapshot, which is exact. */
export function assertReconciles(seen: Seen): void {
  const { segments, requests, answered, failed, unseen, ...parts } = seen.final.control
  const accounted = Object.values(parts).reduce((sum, count) => sum + count, 0)
  assert.equal(accounted, segments, `segments are the sum of ${JSON.stringify(parts)}`)
  const { totals } = seen.sum
  const { reset, closed, aborted, unanswered } = totals.failures
  const failures = reset + closed + aborted + unanswered
  const { inFlight } = totals
  assert.equal(
    totals.requests,
    totals.answered + failures + (totals.unseen ?? 0) + inFlight,
    JSON.stringify(seen.final.control),
  )
  // By control group they are those of all namespaces, and the rows are those of one.
  if (!BY_GROUP)
    assert.deepEqual(
      { requests, answered, failed, unseen },
      { requests: totals.requests, answered: totals.answered, failed: failures, unseen: totals.unseen },
      'the control totals are those of the rows',
    )
  for (const { backend, codes, answered: rowAnswered } of seen.sum.backends)
    assert.equal(sumOfCodes(codes), rowAnswered, `codes of ${backend.address}`)
  assertNoneHasLessThanItsWires(seen)
}

/** What went untranslated, or never left, is in the row alone. */
function assertNoneHasLessThanItsWires(seen: Seen): void {
  for (const [address, wires] of Object.entries(seen.wires)) {
    const row = countsOf(seen, address)
    for (const kind of ['connects', 'requests', 'failures'] as const) {
      const sum = Object.values(wires).reduce((all, counts) => all + counts[kind], 0)
      assert.ok(sum <= row[kind], `${kind} of the wires of ${address}`)
    }
  }
}

/** What a backend has in all, as wires count it. */
export function countsOf({ sum }: Pick<Seen, 'sum'>, address: string): WireCounts {
  const row = sum.backends.find(({ backend }) => backend.address === address)
  return row === undefined ? { connects: 0, requests: 0, failures: 0 } : ownCounts(row)
}

/** The truth from nginx's log: each attempt whose request line was sent, with its status. */
export function truthOf(attempts: readonly Attempt[]): Truth {
  const rows: Record<string, { requests: number; codes: Record<string, number> }> = {}
  for (const { backend, method, target, status } of attempts.filter(wasSent)) {
    const row = (rows[`${backend} ${method} ${target}`] ??= { requests: 0, codes: {} })
    row.requests++
    if (status !== null) row.codes[status] = (row.codes[status] ?? 0) + 1
  }
  return sortKeys(rows)
}

/**
 * Whether nginx sent the request: it sets `$upstream_connect_time` just before. If a client disconnects while nginx connects to
 * the backend, the log has an attempt, but no request was sent.
 */
const wasSent = ({ connect }: Attempt): boolean => connect !== null

const sortKeys = <T>(rows: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1)))

function codesOf(codes: Codes, word: (code: number) => string = String): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < codes.length; i += 2) counts[word(codes[i]!)] = codes[i + 1]!
  return counts
}

const sumOfCodes = (codes: Codes): number =>
  codes.reduce((sum, value, i) => (i % 2 === 1 ? sum + value : sum), 0)
