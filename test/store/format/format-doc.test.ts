import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { openRecording } from '../../../src/store/read/reader.ts'

const root = new URL('../../../', import.meta.url).pathname
const queries = [...readFileSync(`${root}docs/FORMAT.md`, 'utf8').matchAll(/```sql\n(.*?)```/gs)].map(
  ([, sql]) => sql!,
)
const file = `${root}fixtures/recordings/incident.db`

test('the queries of docs/FORMAT.md work, and give the counts of the report', () => {
  const database = new Sqlite(file, { readonly: true })
  const [routes, seconds, codes] = queries
    .slice(0, 3)
    .map((sql) => database.prepare<[], Record<string, number>>(sql).all())
  const recording = openRecording(file)
  const { totals } = recording.aggregate({ from: 0, to: recording.ticks.length })
  assert.ok(routes !== undefined && seconds !== undefined && codes !== undefined)
  assert.equal(routes.length, 10)
  assert.equal(seconds[0]?.fivexx, Math.max(...recording.ticks.map(({ fivexx }) => fivexx)))
  const answers = new Map<number, number>()
  for (const row of codes) answers.set(row.code!, (answers.get(row.code!) ?? 0) + row.answers!)
  assert.deepEqual([...answers].sort(([a], [b]) => a - b).flat(), totals.codes)
  recording.close()
  database.close()
})

test('the query of wire addresses finds the one that fails', () => {
  const database = new Sqlite(`${root}fixtures/recordings/format-2.db`, { readonly: true })
  const rows = database.prepare<[], { wire: string; failures: number }>(queries[3]!).all()
  assert.equal(rows.length, 2)
  assert.equal(rows[0]!.wire, '10.244.2.9:8080')
  assert.ok(rows[0]!.failures > 0 && rows[1]!.failures === 0)
  database.close()
})

test('the codes view has every answer of every tick', () => {
  const database = new Sqlite(file, { readonly: true })
  const sums = database.prepare<[], { readonly all: number; readonly codes: number }>(
    'SELECT (SELECT sum(answered) FROM traffic) AS "all", (SELECT sum(answers) FROM codes) AS codes',
  )
  const { all, codes } = sums.get()!
  assert.equal(codes, all)
  database.close()
})
