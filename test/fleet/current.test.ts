/** The same kit on a current ClickHouse: its schema, Parquet and NDJSON by the same loader, the same queries. One server: chdb has no network. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { sql } from '../report/duckdb.ts'
import { assertEqual } from './comparison.ts'
import { startCurrent, WITHOUT_CHDB, type Current } from './current.ts'
import { dashboardQueries } from './dashboard.ts'
import { makeHosts, upstreamtop } from './hosts.ts'
import { ask, kitQuery, load } from './kit.ts'

const RANGE = { from: '2026-11-22 14:00:00', to: '2026-11-22 16:00:00' }

describe('a current server', { skip: WITHOUT_CHDB }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-current-'))
  let server: Current
  let files: readonly string[]

  const loaded = async (directory: string): Promise<string> => {
    const { code, stdout, stderr } = await load('--url', server.url, join(folder, directory))
    assert.equal(code, 0, stderr)
    return stdout
  }

  before(async () => {
    files = [...(await makeHosts(folder, 2)).values()]
    server = await startCurrent(folder)
    const { code, stderr } = await load('--url', server.url, '--single', '--create')
    assert.equal(code, 0, stderr)
    await upstreamtop('report', ...files, '--parquet', join(folder, 'lake'))
    await upstreamtop('report', ...files, '--ndjson-tables', join(folder, 'tables'))
  })
  after(async () => {
    await (server as Current | undefined)?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has what the report says, from Parquet', async () => {
    assert.equal((await loaded('lake')).match(/^loaded: /gm)?.length, 2)
    for (const grain of ['second', 'minute', 'hour'] as const)
      await assertEqual(server.url, { files, ...RANGE, grain })
  })
  it('answers each query of the dashboard', async () => {
    for (const grain of ['minute', 'hour'] as const)
      for (const [title, query] of dashboardQueries({ ...RANGE, hosts: ['web1', 'web2'], grain }))
        assert.notEqual((await ask(server.url, query)).length, 0, title)
  })
  it('answers about movers and upstreams', async () => {
    const ranges = {
      base_from: RANGE.from,
      base_to: '2026-11-22 14:30:00',
      target_from: '2026-11-22 14:30:00',
      target_to: '2026-11-22 14:40:00',
    }
    const [mover] = await ask(server.url, kitQuery('movers', { ...ranges, grain: 'minute' }))
    assert.notEqual(mover, undefined)
    const [upstream] = await ask(
      server.url,
      kitQuery('upstreams', { ...RANGE, grain: 'hour', objective: '0.999' }),
    )
    assert.notEqual(upstream, undefined)
  })
  it('counts once what is loaded again, also from NDJSON', async () => {
    assert.equal((await loaded('lake')).match(/^there already: /gm)?.length, 2)
    const columns =
      'host, time, backend, method, route, requests, header_bucket, header_bucket_count, sent_bytes'
    const digest = `SELECT groupBitXor(cityHash64(${columns})) AS rows FROM upstreamtop.traffic WHERE load IN (SELECT load FROM upstreamtop.visible)`
    const before = await ask(server.url, digest)
    assert.equal((await loaded('tables')).match(/\(replaces 1\)/g)?.length, 2)
    assert.deepEqual(await ask(server.url, digest), before)
    await assertEqual(server.url, { files, ...RANGE })
  })
  it('takes Parquet files with columns that the tables lack, and without some that they have', async () => {
    assert.equal((await load('--url', server.url, '--forget', 'web1')).code, 0)
    for (const name of readdirSync(join(folder, 'lake'), { recursive: true, encoding: 'utf8' })) {
      if (!name.includes('host=web1') || !name.endsWith('.parquet')) continue
      const path = join(folder, 'lake', name)
      const without = name.startsWith('traffic') ? 'EXCLUDE (netns)' : ''
      const from = `SELECT * ${without}, 1 AS later FROM read_parquet('${path}', hive_partitioning = false)`
      await sql(`COPY (${from}) TO '${path}.new' (FORMAT parquet)`)
      renameSync(`${path}.new`, path)
    }
    const { code, stderr } = await load('--url', server.url, join(folder, 'lake', 'traffic'))
    assert.equal(code, 1)
    assert.match(stderr, /no file of ticks beside/)
    // web2's files are those of NDJSON now, which is another file of the same rows.
    assert.equal((await loaded('lake')).match(/^loaded: /gm)?.length, 2)
    await assertEqual(server.url, { files, ...RANGE })
  })
})
