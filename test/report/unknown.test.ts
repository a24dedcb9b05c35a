/** Values that a recording does not have are null in every format, and no gate passes on them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../cli/run-command.ts'
import { sql } from './duckdb.ts'

const OLD = join(import.meta.dirname, '../../fixtures/recordings/format-1.db')
const NEW = join(import.meta.dirname, '../../fixtures/recordings/chunk-layout-3.db')

const output = async (...words: readonly string[]): Promise<string> => (await runCommand(words)).stdout

test('JSON has null for values that the first recordings do not have', async () => {
  const { totals, backends } = JSON.parse(await output('report', OLD, '--format', 'json')) as {
    totals: Record<string, unknown>
    backends: Record<string, unknown>[]
  }
  for (const entity of [totals, ...backends]) {
    assert.ok((entity.requests as number) > 0)
    assert.deepEqual([entity.sent_bytes, entity.received_bytes], [null, null])
  }
})

test('Parquet has NULL', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-unknown-'))
  try {
    await output('report', OLD, '--parquet', folder)
    const [row] = await sql(
      `SELECT count(*) AS n, count(sent_bytes) AS sent, count(received_bytes) AS received FROM '${folder}/traffic/**/*.parquet'`,
    )
    assert.ok((row!.n as number) > 100)
    assert.deepEqual([row!.sent, row!.received], [0, 0])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a status code has no bytes: no line of --by status is selected by bytes', async () => {
  const lines = async (where: string): Promise<number> =>
    (await output('report', NEW, '--by', 'status', '--where', where, '--format', 'ndjson')).split('\n')
      .length - 1
  assert.ok((await lines('answered >= 0')) > 0)
  assert.equal(await lines('sent_bytes >= 0'), 0)
})

test('CSV has an empty cell', async () => {
  const [head = '', line = ''] = (await output('report', OLD, '--by', 'backend', '--format', 'csv')).split(
    '\n',
  )
  assert.equal(line.split(',')[head.split(',').indexOf('sent_bytes')], '')
})

test('a gate on a missing value fails', async () => {
  for (const gate of ['sent_bytes > 0', 'received_bytes < 1000000']) {
    const { code, stdout } = await runCommand(['assert', OLD, gate])
    assert.equal(code, 3, stdout)
  }
  assert.equal((await runCommand(['assert', OLD, 'requests > 0'])).code, 0)
})

test('the screen of an old recording has a dash in the cell', async () => {
  const text = await output('replay', OLD, '--print', '--at', '50%', '--size', '200x50')
  assert.match(text, /sent {2,}received/)
  assert.match(text, /– {2,}–/)
})
