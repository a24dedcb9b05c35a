import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../src/errors.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { runCommand } from '../cli/run-command.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { silent } from '../torture/kit.ts'

const folder = new URL('../../fixtures/recordings/', import.meta.url).pathname

/** The expected state of each file of the corpus. A new file needs a line here. */
const CORPUS: Readonly<
  Record<
    string,
    'refused' | { readonly state: string; readonly ticks: number; readonly gaps: readonly string[] }
  >
> = {
  'chunk-layout-3.db': { state: 'whole', ticks: 5, gaps: [] },
  'clock-1970.db': { state: 'whole', ticks: 60, gaps: [] },
  'clock-step.db': { state: 'whole', ticks: 90, gaps: [] },
  'empty.db': 'refused',
  'foreign.db': 'refused',
  'format-1.db': { state: 'whole', ticks: 90, gaps: [] },
  'format-2.db': { state: 'whole', ticks: 90, gaps: [] },
  'future-columns.db': { state: 'whole', ticks: 90, gaps: [] },
  'gap.db': { state: 'whole', ticks: 70, gaps: ['stopped'] },
  'grpc.db': { state: 'whole', ticks: 180, gaps: [] },
  'holed.db': { state: 'recoverable', ticks: -1, gaps: ['damaged'] },
  'hostile-far.db': { state: 'recoverable', ticks: 4, gaps: [] },
  'hostile-tree.db': { state: 'recoverable', ticks: 5, gaps: [] },
  'hostile-trigger.db': { state: 'recoverable', ticks: 5, gaps: [] },
  'hostile-view.db': { state: 'recoverable', ticks: 5, gaps: [] },
  'hostile-words.db': { state: 'whole', ticks: 5, gaps: [] },
  'incident.db': { state: 'whole', ticks: 450, gaps: ['stopped'] },
  'lone-wal.db': { state: 'whole', ticks: 90, gaps: [] },
  'newer.db': 'refused',
  'no-tick.db': { state: 'whole', ticks: 0, gaps: [] },
  'one-tick.db': { state: 'whole', ticks: 1, gaps: [] },
  'simulated.db': { state: 'whole', ticks: 21, gaps: [] },
  'truncated.db': { state: 'recoverable', ticks: -1, gaps: [] },
  'whole.db': { state: 'whole', ticks: 90, gaps: [] },
  'zipped.db.gz': { state: 'whole', ticks: 90, gaps: [] },
}

const files = readdirSync(folder).filter((name) => /\.db(\.gz)?$/.test(name))

test('every file of the corpus has an expected state', () => {
  assert.deepEqual(files.sort(), Object.keys(CORPUS).sort())
})

for (const [name, expected] of Object.entries(CORPUS)) {
  test(`${name} ${expected === 'refused' ? 'is refused with an error' : `is ${expected.state}`}, and is not changed`, async () => {
    const before = readFileSync(folder + name)
    if (expected === 'refused') {
      assert.throws(
        () => openRecording(folder + name),
        (error: unknown) => error instanceof UserError && error.exitCode === 5,
      )
    } else {
      const { state, ticks, problems } = await checkRecording(folder + name, silent)
      assert.equal(state, expected.state, problems.join('; '))
      if (expected.ticks >= 0) assert.equal(ticks, expected.ticks)
      else assert.ok(ticks > 10 && ticks < 90, `${ticks} ticks`)
      const recording = openRecording(folder + name, { verify: true })
      assert.deepEqual(
        recording.gaps.map(({ reason }) => reason),
        expected.gaps,
      )
      recording.close()
    }
    assert.deepEqual(readFileSync(folder + name), before)
    assert.deepEqual(
      readdirSync(folder).filter((other) => /-(wal|shm|journal)$/.test(other)),
      [],
    )
  })
}

test('in grpc.db the burst of UNAVAILABLE is found, though each of its answers is a 200', async () => {
  const { code, stdout } = await runCommand(['report', `${folder}grpc.db`, '--format', 'json'])
  assert.equal(code, 0)
  const { findings, backends } = JSON.parse(stdout) as ReportDocument
  assert.deepEqual(
    findings.map(({ kind, backend }) => [kind, backend]),
    [['burst_grpc_errors', '10.0.1.20:50051']],
  )
  const cart = backends.find(({ backend }) => backend === '10.0.1.20:50051')!
  assert.deepEqual([cart.protocol, Object.keys(cart.codes)], ['grpc', ['200']])
})

test('after the clock was set back, ticks are ordered by sequence and none appears twice', () => {
  const recording = openRecording(`${folder}clock-step.db`)
  const { ticks } = recording
  assert.ok(ticks.every(({ seq }, i) => seq === i))
  assert.ok(ticks[30]!.start < ticks[29]!.start)
  assert.equal(recording.markers[0]?.kind, 'clock_step')
  recording.close()
})

/** The layout of a fixture's request chunks. Every layout that was ever written must stay readable. */
const LAYOUTS = { 'format-1.db': 1, 'simulated.db': 2, 'chunk-layout-3.db': 3 }

for (const [name, layout] of Object.entries(LAYOUTS)) {
  test(`the request chunks of ${name} have layout ${layout}`, () => {
    const database = new Sqlite(folder + name, { readonly: true })
    const sql = 'SELECT DISTINCT hex(substr(packed, 1, 1)) FROM request_chunk'
    assert.deepEqual(database.prepare(sql).pluck().all(), [`0${layout}`])
    database.close()
  })
}

test('the requests of chunk-layout-3.db equal the written ones', () => {
  const recording = openRecording(`${folder}chunk-layout-3.db`)
  const { start } = recording.info
  const requests = [...recording.requests({ from: 0, to: 5 })].map(
    ({ at, backend, route, outcome, header, total }) =>
      `${at - start} ${backend.address} ${route.method} ${route.path} ${outcome} ${header} ${total}`,
  )
  recording.close()
  assert.deepEqual(requests, [
    '576449 10.0.1.11:8080 POST /checkout 200 116920 117356',
    '402373 10.0.1.10:8080 POST /checkout 200 148861 149016',
    '865571 10.0.1.11:8080 POST /checkout 200 107934 108264',
    '994720 10.0.1.11:8080 POST /checkout 200 125964 126123',
    '1045627 10.0.1.10:8080 POST /checkout 200 95510 95885',
    '1715669 10.0.1.11:8080 POST /checkout 200 105729 106169',
    '1861289 10.0.1.10:8080 POST /checkout 200 155635 155871',
    '2503710 10.0.1.10:8080 GET /api/orders 200 6557 7177',
    '2484739 10.0.1.11:8080 GET /api/orders 200 7584 8134',
    '3511687 10.0.1.10:8080 GET /api/users/:id 500 2548 2859',
    '3530281 10.0.1.10:8080 GET /healthz 503 393 614',
    '3165159 10.0.1.10:8080 GET /healthz 502 300 640',
    '3894037 10.0.1.10:8080 POST /checkout 500 164727 164990',
    '4817775 10.0.1.10:8080 POST /checkout 200 133895 134515',
    '4497605 10.0.1.10:8080 GET /api/users/:id 502 16384 16666',
  ])
})
