/**
 * The number of backends is bounded. Idle ones are retired, what finds no room is OTHER, and no count is lost or lands on another
 * address. The truth is the ledger of the servers, and nginx's log.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildHelper } from './lab/build.ts'
import { assertNothingLost, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { Cable, range } from './lab/network.ts'
import { startLabNginx, type LabNginx } from './lab/nginx.ts'
import { inside, lacking } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const FAR = '10.77.0.2'
const FAR6 = 'fd77::2'
/** Backends at once in the helper of this test; a quarter of them is kept for nginx. */
const ROOM = 31
const RAW = ['--routes-as', 'raw']
const HTTP = `server { listen 127.0.0.1:8080;
  location ~ ^/to/(\\d+)/ { proxy_pass http://${FAR}:$1; }
  location ~ ^/six/(\\d+)/ { proxy_pass http://[${FAR6}]:$1; } }`

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const to = (ports: readonly number[]): string[] => ports.map((port) => get(`/to/${port}/x`))
const rowOf = (port: number): string => `${FAR}:${port} GET /to/${port}/x`

const FLOOD = fileURLToPath(new URL('lab/flood.py', import.meta.url))

describe('backends', { skip: lacking('make', 'python3', 'setpriv') }, () => {
  let cable: Cable
  let folder: string
  let program: string
  before(async () => {
    cable = await Cable.create()
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-backends-'))
    program = await buildHelper(folder, `-DMAX_BACKENDS=${ROOM + 1}`)
  })
  after(async () => {
    await cable.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const listen = async (ports: readonly number[], address: string = FAR): Promise<void> => {
    for (const port of ports) await cable.far.call('listen', { address, port })
  }

  /** Each request over a connection of its own of nginx. */
  const ask = (requests: readonly string[], connections = 4): Promise<unknown> =>
    cable.proxy.call('ask', { address: '127.0.0.1', port: 8080, requests, connections })

  /** From a process that is not nginx. */
  const stranger = (ports: readonly number[], times = 1): Promise<unknown> =>
    Promise.all(
      ports.map((port) => cable.proxy.call('ask', { address: FAR, port, requests: to([port]), times })),
    )

  async function recorded(during: (helper: Helper, nginx: LabNginx) => Promise<unknown>, http = HTTP) {
    const nginx = await startLabNginx(cable.proxy.namespace, http)
    try {
      const seen = await watch(cable.proxy.namespace, (helper) => during(helper, nginx), RAW, program)
      assertNothingLost(seen)
      assertReconciles(seen)
      return { seen, attempts: nginx.attempts() }
    } finally {
      await nginx.stop()
    }
  }

  /** No row has more than its server's ledger says, and OTHER has exactly the rest. Returns the rest. */
  async function assertExact(seen: Seen, ports: readonly number[]): Promise<number> {
    const ledger = Object.entries(await cable.far.call('ledger')).filter(([row]) =>
      ports.includes(Number(/:(\d+) /.exec(row)![1])),
    )
    const rows = rowsOf(seen)
    const rest: Rest = { requests: 0, codes: {} }
    for (const [name, { requests, codes }] of ledger) {
      const row = rows[name] ?? { requests: 0, codes: {} }
      assert.ok(row.requests <= requests, name)
      add(rest, requests - row.requests, codes, row.codes)
    }
    const known = new Set([...ledger.map(([name]) => name), 'OTHER * OTHER'])
    assert.deepEqual(
      Object.keys(rows).filter((name) => !known.has(name)),
      [],
      'each request is on the row of its address',
    )
    assert.deepEqual(rows['OTHER * OTHER'] ?? { requests: 0, codes: {} }, rest)
    return rest.requests
  }

  test('five times as many addresses as there is room for, in turn: nothing is lost, and memory does not grow', async () => {
    const [fours, sixes] = [range(10_000, 10_079), range(10_080, 10_154)]
    await listen(fours)
    await listen(sixes, FAR6)
    const paths = [...to(fours), ...sixes.map((port) => get(`/six/${port}/x`))]
    const memory: number[] = []
    const { seen, attempts } = await recorded(async (helper) => {
      for (let from = 0; from < paths.length; from += 8) {
        await ask(paths.slice(from, from + 8))
        await helper.nextFrame()
        memory.push(memoryOf(helper.pid))
      }
    })
    const rest = await assertExact(seen, [...fours, ...sixes])
    assert.equal(seen.sum.totals.requests, paths.length)
    assert.equal(connectsOf(seen), attempts.length)
    assert.ok(rest < paths.length / 4, `${rest} found no room`)
    assert.ok(seen.retiredBackends.length > 2 * ROOM, `${seen.retiredBackends.length} were retired`)
    assert.ok(memory.at(-1)! - memory[8]! < 64 * 1024, memory.join())
  })

  test('more addresses at once than there is room for: the rest is OTHER, also of connections and of refused ones', async () => {
    const [ports, closed] = [range(10_200, 10_259), range(10_300, 10_339)]
    await listen(ports)
    const { seen, attempts } = await recorded(async (helper) => {
      await helper.nextFrame()
      await ask([...to(ports), ...to(closed), ...to(ports)])
      await helper.nextFrame()
    })
    await assertExact(seen, ports)
    assert.equal(seen.sum.totals.requests, 2 * ports.length)
    assert.equal(connectsOf(seen), 2 * ports.length)
    assert.equal(attempts.filter(({ status }) => status === 502).length, closed.length)
    assert.equal(
      seen.sum.backends.reduce((sum, { connection }) => sum + connection.refused, 0),
      closed.length,
    )
    const other = seen.sum.backends.find(({ backend }) => backend.address === 'OTHER')!
    assert.deepEqual(
      other.routes.map(({ route }) => `${route.method} ${route.path}`),
      ['* OTHER'],
    )
    assert.ok(other.connection.connects > 0 && other.connection.refused > 0)
    assert.ok(seen.sum.backends.length >= ROOM + 1)
  })

  test('a long poll stays on its row while other backends come and go', async () => {
    const [polled, others] = [10_400, range(10_401, 10_480)]
    const slow = { steps: [{ pause: 9000 }, { send: 'HTTP/1.1 204 No Content\r\n\r\n' }] }
    await cable.far.call('listen', { address: FAR, port: polled, rules: { [`/to/${polled}/x`]: slow } })
    await listen(others)
    const { seen } = await recorded(async (helper) => {
      const poll = ask(to([polled]))
      for (let from = 0; from < others.length; from += 10) {
        await ask(to(others.slice(from, from + 10)))
        await helper.nextFrame()
      }
      await poll
      await helper.nextFrame()
    })
    await assertExact(seen, [polled, ...others])
    assert.deepEqual(rowsOf(seen)[rowOf(polled)], { requests: 1, codes: { 204: 1 } })
    assert.ok(seen.retiredBackends.length > 20)
  })

  test('an idle keepalive connection does not keep the index of its backend, and its next request is on its row', async () => {
    const [kept, others] = [10_500, range(10_501, 10_580)]
    await listen([kept, ...others])
    const http = `upstream kept { server ${FAR}:${kept}; keepalive 1; }
      ${HTTP.replace('location', `location ^~ /to/${kept}/ { proxy_pass http://kept; } location`)}`
    const { seen } = await recorded(async (helper) => {
      await ask(to([kept, kept]), 1)
      for (let from = 0; from < others.length; from += 10) {
        await ask(to(others.slice(from, from + 10)))
        await helper.nextFrame()
      }
      // until there is room for its address
      for (let n = 0; n < 4; n++) await helper.nextFrame()
      await ask(to([kept, kept, kept]), 1)
      await helper.nextFrame()
    }, http)
    await assertExact(seen, [kept, ...others])
    const address = `${FAR}:${kept}`
    assert.ok(seen.retiredBackends.includes(address), 'it was retired')
    assert.deepEqual(rowsOf(seen)[rowOf(kept)], { requests: 5, codes: { 200: 5 } })
    const sum = seen.sum.backends.find(({ backend }) => backend.address === address)
    assert.equal(sum?.connection.connects, 1, 'all over one connection')
  })

  test('addresses of another process push no backend of nginx out', async () => {
    const [ours, fresh, theirs] = [range(10_600, 10_605), 10_606, range(10_610, 10_809)]
    await listen([...ours, fresh, ...theirs])
    const { seen } = await recorded(async (helper) => {
      await ask(to(ours))
      for (let round = 0; round < 5; round++) {
        await stranger(theirs.slice(round * 40, round * 40 + 40))
        if (round === 2) await ask(to([fresh]))
        await helper.nextFrame()
      }
      await ask(to(ours))
      await helper.nextFrame()
    })
    const rest = await assertExact(seen, [...ours, fresh, ...theirs])
    assert.ok(rest > 0, 'the other process had more than its share')
    for (const port of ours)
      assert.deepEqual(rowsOf(seen)[rowOf(port)], { requests: 2, codes: { 200: 2 } }, String(port))
    assert.deepEqual(rowsOf(seen)[rowOf(fresh)], { requests: 1, codes: { 200: 1 } })
    const kept = new Set(ours.map((port) => `${FAR}:${port}`))
    assert.deepEqual(
      seen.retiredBackends.filter((address) => kept.has(address)),
      [],
      'strangers first',
    )
  })

  test('the share of a user whose nginx connects to many addresses is given back when they are idle', async () => {
    const flood = (port: number, count: number): Promise<string> => {
      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
      const words = ['/usr/bin/python3', FLOOD, 'refused', 'nginx', FAR, String(port), String(count)]
      return inside(cable.proxy.namespace, ...nobody, ...words)
    }
    const { seen } = await recorded(async (helper) => {
      await helper.nextFrame()
      await flood(9, 60)
      for (const port of [10, 11, 12]) {
        for (let n = 0; n < 5; n++) await helper.nextFrame()
        await flood(port, 2)
      }
    })
    const refused = new Map(
      seen.sum.backends.map(({ backend, connection }) => [backend.address, connection.refused]),
    )
    for (const port of [10, 11, 12])
      for (const host of ['127.1.0.1', '127.1.0.2']) assert.equal(refused.get(`${host}:${port}`), 1, host)
    assert.equal(refused.get('OTHER'), 60 - (ROOM + 1) / 2, 'half of the room is for one user')
  })

  test('open requests of another process on all of its share leave room for nginx', async () => {
    const [ours, theirs] = [range(11_000, 11_005), range(11_010, 11_059)]
    const rules = { '*': { steps: [{ pause: 5000 }, { send: 'HTTP/1.1 204 No Content\r\n\r\n' }] } }
    for (const port of theirs) await cable.far.call('listen', { address: FAR, port, rules })
    await listen(ours)
    const { seen } = await recorded(async (helper) => {
      const open = stranger(theirs)
      for (const port of ours) {
        await helper.nextFrame()
        await ask(to([port]))
      }
      await open
      await helper.nextFrame()
    })
    await assertExact(seen, [...ours, ...theirs])
    for (const port of ours)
      assert.deepEqual(rowsOf(seen)[rowOf(port)], { requests: 1, codes: { 200: 1 } }, String(port))
    assert.equal(seen.sum.totals.requests, ours.length + theirs.length)
  })

  test('connections that pause for different times on three times as many addresses: each request is on its row or OTHER', async () => {
    const ports = range(11_100, 11_189)
    await listen(ports)
    const { seen } = await recorded(async (helper) => {
      const talks = ports.map((port, i) => ({
        address: FAR,
        port,
        steps: range(1, 6).flatMap((n) => [
          { pause: (i * 397 + n * 811) % 2600 },
          { send: get(`/to/${port}/x`) },
          { answers: n },
        ]),
      }))
      await cable.proxy.call('talkMany', talks)
      await helper.nextFrame()
    })
    await assertExact(seen, ports)
    assert.equal(seen.sum.totals.requests, 6 * ports.length)
    assert.equal(connectsOf(seen), ports.length)
    assert.ok(seen.retiredBackends.length > 30, `${seen.retiredBackends.length} were retired`)
  })

  test('requests on OTHER get a row of their own as soon as there is room', async () => {
    const [first, late] = [range(10_900, 10_939), range(10_950, 10_959)]
    await listen([...first, ...late])
    const { seen } = await recorded(async (helper) => {
      // Each connection of the client stays open over all rounds.
      const talks = late.map((port) => ({
        address: FAR,
        port,
        steps: [
          { pause: 300 },
          ...range(1, 7).flatMap((n) => [{ send: get(`/to/${port}/x`) }, { answers: n }, { pause: 1000 }]),
        ],
      }))
      const asked = stranger(first)
      await cable.proxy.call('talkMany', talks)
      await asked
      await helper.nextFrame()
    })
    await assertExact(seen, [...first, ...late])
    for (const port of late) assert.ok((rowsOf(seen)[rowOf(port)]?.requests ?? 0) > 0, String(port))
    assert.deepEqual(failuresOf(seen), {})
  })
})

interface Rest {
  requests: number
  codes: Record<string, number>
}

function add(
  rest: Rest,
  requests: number,
  codes: Readonly<Record<string, number>>,
  counted: Readonly<Record<string, number>>,
): void {
  rest.requests += requests
  for (const [code, count] of Object.entries(codes)) {
    const missing = count - (counted[code] ?? 0)
    assert.ok(missing >= 0)
    if (missing > 0) rest.codes[code] = (rest.codes[code] ?? 0) + missing
  }
}

const connectsOf = (seen: Seen): number =>
  seen.sum.backends.reduce((sum, { connection }) => sum + connection.connects, 0)

/** Anonymous memory, in bytes; without maps. */
function memoryOf(pid: number): number {
  const [, kilobytes] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
