/**
 * contrib/clickhouse on a real cluster: three servers of Debian on loopback, twenty hosts of two hours. Whatever happens to loads and
 * servers, what the kit's queries answer is what `upstreamtop report` says of the recordings, or an error.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { Cluster, WITHOUT_SERVER } from './cluster.ts'
import { assertEqual, routesOf, totalsOf } from './comparison.ts'
import { dashboardQueries } from './dashboard.ts'
import { inTurns, makeHosts, upstreamtop } from './hosts.ts'
import { ask, execute, kitQuery, load, startLoad } from './kit.ts'

const HOSTS = Number(process.env.FLEET_HOSTS ?? 20)
const RANGE = { from: '2026-11-22 14:00:00', to: '2026-11-22 16:00:00' }

describe('a cluster of three servers', { skip: WITHOUT_SERVER }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-fleet-'))
  const lake = join(folder, 'lake')
  let cluster: Cluster
  let hosts: ReadonlyMap<string, string>
  let equal = 0

  const url = (): string => cluster.urls[0]!
  const lakeOf = (host: string): string => join(lake, host)
  const exported = async (host: string, ...options: readonly string[]): Promise<void> => {
    await upstreamtop('report', hosts.get(host)!, '--ndjson-tables', lakeOf(host), ...options)
  }
  const loaded = async (host: string, at = url()): Promise<string> => {
    const { code, stdout, stderr } = await load('--url', at, lakeOf(host))
    assert.equal(code, 0, stderr)
    return stdout
  }
  const assertFleet = async (options: readonly string[] = [], range = RANGE): Promise<void> => {
    equal += await assertEqual(url(), { files: [...hosts.values()], options, ...range })
  }
  const rowsOf = async (host: string): Promise<unknown> =>
    (await ask(url(), `SELECT count() AS n FROM upstreamtop.traffic WHERE host = '${host}'`))[0]!.n
  const visibleOf = async (host: string): Promise<unknown> =>
    (await ask(url(), `SELECT count() AS n FROM upstreamtop.visible WHERE host = '${host}'`))[0]!.n

  before(async () => {
    ;[cluster, hosts] = await Promise.all([Cluster.start(folder, 3), makeHosts(folder, HOSTS)])
    const urls = cluster.urls.flatMap((one) => ['--url', one])
    const { code, stderr } = await load(...urls, '--create')
    assert.equal(code, 0, stderr)
    // web1 has been exported while it was an hour long, web2 by hours, the others whole.
    await inTurns([...hosts.keys()], async (host) => {
      const hours =
        host === 'web2'
          ? [
              ['14:00', '15:00'],
              ['15:00', '16:00'],
            ]
          : []
      if (host === 'web1') await exported(host, '--to', '15:00')
      else if (hours.length === 0) await exported(host)
      for (const [from, to] of hours) await exported(host, '--from', from!, '--to', to!)
    })
  })
  after(async () => {
    await (cluster as Cluster | undefined)?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has what the report says, from hosts that load in parallel to any server', async () => {
    await inTurns([...hosts.keys()], async (host, i) => {
      assert.match(await loaded(host, cluster.urls[i % 3]), /^loaded: /)
    })
    equal += await assertEqual(url(), {
      files: [...hosts.values()],
      from: RANGE.from,
      to: '2026-11-22 15:00:00',
    })
  })
  it('replaces what has grown', async () => {
    await exported('web1')
    assert.match(await loaded('web1'), /\(replaces 1\)/)
    await assertFleet()
  })
  it('answers the same by second and by hour, and for a part of an hour', async () => {
    const files = [...hosts.values()]
    for (const grain of ['second', 'hour'] as const)
      equal += await assertEqual(url(), { files, ...RANGE, grain })
    const part = { from: '2026-11-22 14:33:00', to: '2026-11-22 15:21:00' }
    equal += await assertEqual(cluster.urls[1]!, { files, ...part })
    const seconds = { from: '2026-11-22 15:19:30', to: '2026-11-22 15:23:10' }
    equal += await assertEqual(cluster.urls[2]!, { files, ...seconds, grain: 'second' })
  })
  it('answers each query of the dashboard', async () => {
    for (const [title, query] of dashboardQueries({ ...RANGE, hosts: ['web1', 'web2'], grain: 'minute' }))
      assert.notEqual((await ask(url(), query)).length, 0, title)
  })
  it('says which routes moved, and what is left of error budgets', async () => {
    const files = [...hosts.values()]
    const ranges = { base_from: '2026-11-22 14:00:00', base_to: '2026-11-22 14:30:00' }
    const target = { target_from: '2026-11-22 14:40:00', target_to: '2026-11-22 14:50:00' }
    const movers = await ask(url(), kitQuery('movers', { ...ranges, ...target, grain: 'minute' }))
    const base = await routesOf(files, ranges.base_from, ranges.base_to)
    const moved = await routesOf(files, target.target_from, target.target_to)
    for (const { backend, method, route, ...row } of movers) {
      const key = [backend, method, route].join(' ')
      assert.deepEqual(
        [row.base_requests, row.target_requests, row.base_p99, row.target_p99],
        [
          base.get(key)?.requests ?? 0,
          moved.get(key)?.requests ?? 0,
          base.get(key)?.p99 ?? null,
          moved.get(key)?.p99 ?? null,
        ],
        key,
      )
      equal++
    }
    assert.equal(movers.length, 20)
    const upstreams = await ask(url(), kitQuery('upstreams', { ...RANGE, grain: 'hour', objective: '0.999' }))
    const totals = await totalsOf(files, RANGE.from, RANGE.to)
    assert.deepEqual(
      upstreams.map(({ attempts, bad }) => [attempts, bad]),
      [totals],
    )
    equal++
  })
  it('counts once what is loaded again, one after the other or at the same time', async () => {
    assert.match(await loaded('web3'), /^there already: /)
    const { code, stdout } = await load('--url', url(), '--forget', 'web3')
    assert.deepEqual([code, stdout], [0, 'forgotten: 1 loads of host web3\n'])
    const said = await Promise.all(cluster.urls.map((at) => loaded('web3', at)))
    assert.ok(said.filter((one) => one.startsWith('loaded: ')).length >= 1, said.join(''))
    assert.equal(await visibleOf('web3'), 1)
    await assertFleet()
  })
  it('takes a day that was put together from its hours for what they were', async () => {
    assert.equal(await visibleOf('web2'), 2)
    await upstreamtop('compact', lakeOf('web2'), '--day', '2026-11-22')
    assert.match(await loaded('web2'), /\(replaces 2\)/)
    assert.equal(await visibleOf('web2'), 1)
    await assertFleet()
  })
  it('does not count what a loader that was killed has left', async () => {
    await load('--url', url(), '--forget', 'web4')
    await load(...cluster.urls.flatMap((one) => ['--url', one]), '--sweep', '--older-than', '0')
    await until(async () => (await rowsOf('web4')) === 0)
    const loader = startLoad('--url', url(), lakeOf('web4'))
    const ended = once(loader, 'exit')
    const connections = `SELECT count() AS n FROM upstreamtop.connections WHERE host = 'web4'`
    await until(async () => (await ask(url(), connections))[0]!.n !== 0)
    process.kill(-loader.pid!, 'SIGKILL')
    await ended
    assert.equal(await visibleOf('web4'), 0)
    const others = [...hosts].filter(([host]) => host !== 'web4').map(([, file]) => file)
    equal += await assertEqual(url(), { files: others, ...RANGE })
    assert.match(await loaded('web4'), /^loaded: /)
    await assertFleet()
  })
  it('gives no answer and takes no load while a server is away, and is whole when it is back', async () => {
    await load('--url', url(), '--forget', 'web5')
    await cluster.kill(2)
    await assert.rejects(assertFleet())
    const { code, stderr } = await load('--url', url(), lakeOf('web5'))
    assert.equal(code, 1)
    assert.match(stderr, /not loaded: host web5/)
    await cluster.restart(2)
    assert.equal(await visibleOf('web5'), 0)
    assert.match(await loaded('web5'), /^loaded: /)
    await assertFleet()
  })
  it('has a host whose clock was wrong once, with the right one', async () => {
    const directory = lakeOf('web7')
    rmSync(directory, { recursive: true })
    await exported('web7', '--offset', 'web7=-49s')
    const refused = await load('--url', url(), directory)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /host "web7" from this time are there already/)
    await assertFleet()
    // What it says is what to do.
    const [, ...words] = /load (--forget) '(.*?)' '(.*?)' '(.*?)', then again/.exec(refused.stderr) ?? []
    const forgotten = await load('--url', url(), ...words)
    assert.deepEqual(
      [forgotten.code, forgotten.stdout],
      [0, 'forgotten: 1 loads of host web7\n'],
      forgotten.stderr,
    )
    assert.match(await loaded('web7'), /^loaded: /)
    await assertFleet(['--offset', 'web7=-49s'])
  })
  it('takes files with columns that the tables lack, and without some that they have', async () => {
    await load('--url', url(), '--forget', 'web6')
    for (const name of readdirSync(lakeOf('web6'), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.gz')) continue
      const path = join(lakeOf('web6'), name)
      const lines = gunzipSync(readFileSync(path)).toString()
      const changed = lines.replace(/"netns":\d+,/g, '').replace(/\}$/gm, ',"later":{"a":[1]},"more":null}')
      assert.notEqual(changed, lines)
      writeFileSync(path, gzipSync(changed))
    }
    assert.match(await loaded('web6'), /^loaded: /)
    await assertFleet(['--offset', 'web7=-49s'])
  })
  it('decides by the rows of loads alone which of them count', async () => {
    const visibleAmong = async (...units: readonly string[]): Promise<unknown[]> => {
      const host = `unit${Math.random()}`
      const rows = units.map((unit, i) => {
        const [load, recording, from, to, state = 'loaded'] = unit.split(' ')
        const cells = `${load}, '${state}', '${host}', '2026-11-22', '${recording}', ${from}, ${to}, [], [], [], [], ${i}`
        return `(${cells})`
      })
      const into =
        'load, state, host, date, recording, from_us, to_us, files, tables, rows, replaces, loaded_at'
      await execute(url(), `INSERT INTO upstreamtop.loads (${into}) VALUES ${rows.join(', ')}`)
      const visible = await ask(
        url(),
        `SELECT load FROM upstreamtop.visible WHERE host = '${host}' ORDER BY load`,
      )
      return visible.map((row) => row.load)
    }
    assert.deepEqual(await visibleAmong('1 a 0 10', '2 a 10 20'), [1, 2])
    assert.deepEqual(await visibleAmong('1 a 0 10', '2 a 0 10'), [2])
    assert.deepEqual(await visibleAmong('2 a 0 10', '1 a 0 10'), [2])
    assert.deepEqual(await visibleAmong('1 a 0 20', '2 a 0 10', '3 a 10 20'), [1])
    assert.deepEqual(await visibleAmong('1 a 0 10', '2 a 10 20', '3 a 0 20'), [3])
    assert.deepEqual(await visibleAmong('1 a 0 10', '2 a 5 20'), [1])
    assert.deepEqual(await visibleAmong('1 a 0 10', '2 b 0 20'), [1])
    assert.deepEqual(await visibleAmong('1 a 0 10', '2 b 0 20', '1 a 0 10 forgotten'), [2])
    assert.deepEqual(await visibleAmong('1 a 0 10 forgotten', '1 a 0 10'), [])
  })
  it('has only rows that count, when what does not was swept', async () => {
    const hidden = `SELECT count() AS n FROM upstreamtop.traffic WHERE load GLOBAL NOT IN (SELECT load FROM upstreamtop.visible)`
    assert.notEqual((await ask(url(), hidden))[0]!.n, 0)
    const urls = cluster.urls.flatMap((one) => ['--url', one])
    const { code, stderr } = await load(...urls, '--sweep', '--older-than', '0')
    assert.equal(code, 0, stderr)
    await until(async () => (await ask(url(), hidden))[0]!.n === 0)
    await assertFleet(['--offset', 'web7=-49s'])
    note(`${equal} of ${equal} rows equal`)
  })
})

/** For the last line of `make fleet-test`. */
function note(line: string): void {
  console.log(line)
  if (process.env.FLEET_RESULT === undefined) return
  mkdirSync(join(process.env.FLEET_RESULT, '..'), { recursive: true })
  writeFileSync(process.env.FLEET_RESULT, `${line}\n`)
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (await condition()) return
    await pause(20)
  }
  assert.fail('it did not come to pass within 30 s')
}
