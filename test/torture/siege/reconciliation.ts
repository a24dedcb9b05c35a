/** Compares a recording of nginx's backends with nginx's log. */
import assert from 'node:assert/strict'
import { sumOf } from '../../../src/frame/sum/merge.ts'
import type { Aggregate } from '../../../src/frame/model/aggregate.ts'
import { coverageOf } from '../../../src/frame/views/figures.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { failuresOf, rowsOf, truthOf } from '../../kernel/lab/compare.ts'
import type { Attempt } from '../../kernel/lab/nginx.ts'
import type { Truth } from '../../kernel/lab/protocol.ts'
import { LISTENER } from './testbed.ts'

export interface Counts {
  readonly sum: Aggregate
  readonly ticks: number
  readonly coverage: number
  readonly attempts: readonly Attempt[]
}

export function readCounts(file: string, attempts: readonly Attempt[]): Counts {
  const recording = openRecording(file)
  try {
    const { ticks } = recording
    const sum = sumOf([recording.aggregate({ from: ticks[0]!.seq, to: ticks.at(-1)!.seq + 1 })])
    return { sum, ticks: ticks.length, coverage: coverageOf(sum, sum.to - sum.from), attempts }
  } finally {
    recording.close()
  }
}

/** Requests and codes by backend and route, failures by kind, refused connects by backend: exactly equal. */
export function assertEqualsLog({ sum, attempts }: Counts): void {
  const backends = new Set(attempts.map(({ backend }) => backend))
  const theirs = {
    sum: { ...sum, backends: sum.backends.filter(({ backend }) => backends.has(backend.address)) },
  }
  const rows = rowsOf(theirs)
  const crowded = new Set([...backends].filter((backend) => `${backend} * OTHER` in rows))
  assert.deepEqual(folded(rows, crowded), folded(truthOf(attempts.map(withoutInvention)), crowded))
  assert.deepEqual(failuresOf(theirs), failuresIn(attempts))
  assert.deepEqual(refusedOf(theirs.sum), refusedIn(attempts))
  for (const { backend, inFlight } of theirs.sum.backends) assert.equal(inFlight, 0, backend.address)
  assert.ok(
    !sum.backends.some(({ backend }) => backend.address === LISTENER),
    'nginx’s own listen port is no backend',
  )
}

/** If the route table was full, only the sum of the backend is compared: it stays exact. */
function folded(rows: Truth, crowded: ReadonlySet<string>): Truth {
  const sums: Record<string, { requests: number; codes: Record<string, number> }> = {}
  for (const [row, { requests, codes }] of Object.entries(rows)) {
    const [backend = ''] = row.split(' ')
    const sum = (sums[crowded.has(backend) ? backend : row] ??= { requests: 0, codes: {} })
    sum.requests += requests
    for (const [code, count] of Object.entries(codes)) sum.codes[code] = (sum.codes[code] ?? 0) + count
  }
  return sums
}

/** If a backend did not answer, nginx logs the status that it sent to its client. */
const withoutInvention = (attempt: Attempt): Attempt =>
  attempt.header === null ? { ...attempt, status: null } : attempt

/** What the backends do with these requests. */
const KINDS: Readonly<Record<string, 'reset' | 'closed'>> = { '/cut/reset': 'reset', '/cut/closed': 'closed' }

function failuresIn(attempts: readonly Attempt[]): ReturnType<typeof failuresOf> {
  const rows: Record<string, Record<string, number>> = {}
  for (const { backend, method, target, connect, header } of attempts) {
    if (connect === null || header !== null) continue
    const kind = KINDS[target] ?? 'unexpected'
    const row = (rows[`${backend} ${method} ${target}`] ??= {})
    row[kind] = (row[kind] ?? 0) + 1
  }
  return rows
}

const refusedOf = (sum: Aggregate): Readonly<Record<string, number>> =>
  Object.fromEntries(
    sum.backends
      .map(
        ({ backend, connection }) =>
          [backend.address, connection.refused + connection.connectTimeout] as const,
      )
      .filter(([, refused]) => refused > 0),
  )

function refusedIn(attempts: readonly Attempt[]): Readonly<Record<string, number>> {
  const refused: Record<string, number> = {}
  for (const { backend, connect } of attempts)
    if (connect === null) refused[backend] = (refused[backend] ?? 0) + 1
  return refused
}
