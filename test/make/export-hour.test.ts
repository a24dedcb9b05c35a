/** contrib/systemd/export-hour, as the timer runs it: with the program from its source, and recordings of last year. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { micros } from '../../src/frame/model/units.ts'
import { framesFrom, record } from '../report/parquet/hours.ts'
import { sql } from '../report/duckdb.ts'
import { inFolder } from '../store/support.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SCRIPT = join(ROOT, 'contrib/systemd/export-hour')
/** A tick every five minutes, from 22:02:30 to 02:57:30. */
const FRAMES = framesFrom('2025-11-22T22:02:30Z', 60, 300e6)
/** up to 23:57:30 */
const FIRST = 24

interface Run {
  readonly status: number | null
  readonly stderr: string
}

function runner(folder: string): (limit?: string) => Run {
  const program = join(folder, 'upstreamtop')
  writeFileSync(program, `#!/bin/sh\nexec node --import tsx ${ROOT}src/main.ts "$@"\n`)
  chmodSync(program, 0o755)
  const command = `exec ${SCRIPT} ${program} ${folder}/web.db ${folder}/lake`
  return (limit = '') => spawnSync('sh', ['-c', limit + command], { encoding: 'utf8', cwd: ROOT })
}

const ranges = (folder: string): string[] =>
  readdirSync(join(folder, 'lake/ticks'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => name.replace(/^.*ticks-\d+T(\d{4})\d+Z-\d+T(\d{4})\d+Z.*$/, '$1-$2'))
const once = async (folder: string, count: number): Promise<void> =>
  assert.deepEqual(
    await sql(
      `SELECT count(*) n, count(DISTINCT "time") d FROM read_parquet('${folder}/lake/ticks/**/*.parquet')`,
    ),
    [{ n: count, d: count }],
  )

test('hours are added as they end, and joined when their day is over; to run it again changes nothing', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'web.db')
    const run = runner(folder)
    record(file, FRAMES.slice(0, FIRST), { isNew: true })
    for (const added of [2, 0]) {
      const { status, stderr } = run()
      assert.equal(status, 0, stderr)
      assert.match(stderr, new RegExp(`^${added} hours added`, 'm'))
      assert.deepEqual(ranges(folder), ['2202-2357'])
    }
    // The hour of the end goes on: all of it is there with what has been joined.
    record(file, FRAMES.slice(FIRST), { keep: micros(200 * 60e6) })
    for (let again = 0; again < 2; again++) {
      const { status, stderr } = run()
      assert.equal(status, 0, stderr)
      await once(folder, FRAMES.length)
    }
  }))

test('what a full disk has stopped is made up for by the next run', () =>
  inFolder(async (folder) => {
    const run = runner(folder)
    record(join(folder, 'web.db'), FRAMES, { isNew: true })
    const stopped = run('ulimit -f 12; ')
    assert.equal(stopped.status, 4, stopped.stderr)
    assert.match(stopped.stderr, /can't be written: EFBIG/)
    const { status, stderr } = run()
    assert.equal(status, 0, stderr)
    await once(folder, FRAMES.length)
    assert.deepEqual(ranges(folder).sort(), ['0000-0257', '2202-0000'])
  }))

test('a recording that cannot be read is said', () =>
  inFolder((folder) => {
    const { status, stderr } = runner(folder)()
    assert.equal(status, 2, stderr)
    assert.match(stderr, /web\.db/)
  }))
