/** What of the kit needs no server. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { generated } from '../../scripts/generate-clickhouse.ts'
import { COLUMNS, TABLES } from '../../src/report/parquet/parquet-tables.ts'
import { load } from './kit.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('the ClickHouse schema', () => {
  for (const [path, text] of generated()) {
    it(`is what the columns of the data set make of ${path}`, () => {
      assert.equal(readFileSync(join(ROOT, path), 'utf8'), text, 'make clickhouse-schema writes it')
    })
    it(`has every column of every table in ${path}`, () => {
      for (const table of TABLES) {
        const [statement = ''] = text.split(`TABLE IF NOT EXISTS upstreamtop.${table}_local`).slice(1)
        const names = [...statement.split('ENGINE')[0]!.matchAll(/^ {4}(\w+) /gm)].map(([, name]) => name)
        for (const { name } of COLUMNS[table]) assert.ok(names.includes(name), `${table}.${name}`)
      }
    })
  }
})

describe('the loader', () => {
  it('says what is wrong with its arguments', async () => {
    assert.deepEqual(await load('lake'), {
      code: 2,
      stdout: '',
      stderr: 'load: which server? --url http://HOST:8123\n  load --help says how.\n',
    })
    const { code, stderr } = await load('--urls', 'x')
    assert.deepEqual([code, stderr.split('\n')[0]], [2, 'load: unknown option "--urls"'])
  })
  it('says that there is no server', async () => {
    const { code, stderr } = await load('--url', 'http://127.0.0.1:1', 'lake')
    assert.equal(code, 1)
    assert.match(stderr, /^load: no answer from http:\/\/127\.0\.0\.1:1: /)
  })
  const WITHOUT = spawnSync('shellcheck', ['--version']).error === undefined ? false : 'needs shellcheck'
  it('has nothing that shellcheck warns of', { skip: WITHOUT }, () => {
    const { status, stdout } = spawnSync(
      'shellcheck',
      ['-S', 'warning', join(ROOT, 'contrib/clickhouse/load')],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stdout)
  })
})
