/** What passes unseen is counted as a hole, and what passes in sight before and behind it is exact. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import {
  addVeth,
  makeNamespace,
  addAddresses,
  NamespaceAgent,
  range,
  removeNamespace,
} from './lab/network.ts'
import { startLabNginx } from './lab/nginx.ts'
import type { H2Step, Rule, Step } from './lab/protocol.ts'
import { inside, lacking, sh, unlessLong } from './lab/system.ts'
import { watch, type Helper, type Seen } from './lab/watch.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n'
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n'
const body = (bytes: number): string => 'HTTP/1.1 500 x\r\n'.repeat(bytes).slice(0, bytes)
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

/** Two hosts and two cables between them; the recorder sees the first alone. A direction moves from one to the other by its route. */
const FAMILIES = [
  {
    name: 'IPv4',
    near: '10.90.0.1',
    far: '10.90.0.2',
    gateway: (end: 1 | 2, n: 1 | 2) => `10.8${n}.0.${end}`,
  },
  { name: 'IPv6', near: 'fd90::1', far: 'fd90::2', gateway: (end: 1 | 2, n: 1 | 2) => `fd8${n}::${end}` },
] as const
type Family = (typeof FAMILIES)[number]

const route = (to: string, via: string, src: string): string[] => [
  ...['ip', 'route', 'replace', to, 'via', via, 'src', src],
]
const ask = ({ far, near, gateway }: Family, cable: 1 | 2): { run: string[] } => ({
  run: route(far, gateway(2, cable), near),
})
const answer = ({ far, near, gateway }: Family, cable: 1 | 2): { run: string[] } => ({
  run: route(near, gateway(1, cable), far),
})

describe('holes', { skip: lacking() }, () => {
  let near: string
  let far: string
  let proxy: NamespaceAgent
  let backend: NamespaceAgent
  let port = 8500
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-holes-'))
  before(async () => {
    ;[near, far] = [await makeNamespace('hn'), await makeNamespace('hf')]
    for (const n of [1, 2] as const) {
      await addVeth([near, `c${n}`], [far, `d${n}`])
      for (const [namespace, link] of [
        [near, `c${n}`],
        [far, `d${n}`],
      ] as const)
        await inside(
          namespace,
          'sysctl',
          '-qw',
          `net.ipv4.conf.${link}.rp_filter=0`,
          'net.ipv4.conf.all.rp_filter=0',
        )
      // Known beforehand: a segment that waits for its neighbour's address is sent again by the other cable.
      for (const [namespace, link, end] of [
        [near, `c${n}`, 2],
        [far, `d${n}`, 1],
      ] as const) {
        const own = end === 2 ? 1 : 2
        await sh('ip', '-n', namespace, 'link', 'set', link, 'address', `02:00:00:00:0${n}:0${own}`, 'up')
        for (const address of [`10.8${n}.0.${end}`, `fd8${n}::${end}`])
          await sh(
            'ip',
            '-n',
            namespace,
            'neigh',
            'replace',
            address,
            'lladdr',
            `02:00:00:00:0${n}:0${end}`,
            'dev',
            link,
          )
      }
      await addAddresses(near, `c${n}`, [`10.8${n}.0.1/24`, `fd8${n}::1/64`])
      await addAddresses(far, `d${n}`, [`10.8${n}.0.2/24`, `fd8${n}::2/64`])
    }
    await addAddresses(near, 'lo', ['10.90.0.1/32', 'fd90::1/128'])
    await addAddresses(far, 'lo', ['10.90.0.2/32', 'fd90::2/128'])
    ;[proxy, backend] = [await NamespaceAgent.open(near), await NamespaceAgent.open(far)]
  })
  after(async () => {
    rmSync(folder, { recursive: true })
    await Promise.all([proxy.close(), backend.close()])
    await Promise.all([removeNamespace(near), removeNamespace(far)])
  })

  async function inSight(family: Family): Promise<void> {
    await inside(near, ...ask(family, 1).run)
    await inside(far, ...answer(family, 1).run)
  }

  /** One connection; `n` counts its answers. */
  async function talk(
    family: Family,
    rules: Readonly<Record<string, Rule>>,
    steps: readonly Step[],
    during: (helper: Helper) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<Seen & { row: (path: string) => string }> {
    port++
    await inSight(family)
    await backend.call('listen', { address: family.far, port, rules })
    const seen = await watch(
      near,
      async (helper) => {
        const talked = proxy.call('talk', { address: family.far, port, steps, localAddress: family.near })
        await during(helper)
        await talked
      },
      ['--iface', 'c1'],
    )
    assertReconciles(seen)
    const name = family.name === 'IPv6' ? `[${family.far}]:${port}` : `${family.far}:${port}`
    return { ...seen, row: (path) => `${name} GET ${path}` }
  }

  /** Asks so often, one after the other; `first` is how many answers came before. */
  const times = (path: string, count: number, first: number): Step[] =>
    range(1, count).flatMap((n): Step[] => [{ send: get(path) }, { answers: first + n }])

  const whole = (path: string, count: number, text: string): Step[] =>
    range(1, count).flatMap((): Step[] => [{ send: get(path) }, { bytes: text.length }])

  for (const family of FAMILIES) {
    test(`one exchange that passes elsewhere is missing, and no other (${family.name})`, async () => {
      const seen = await talk(
        family,
        { '/unseen': { steps: [answer(family, 2), { send: OK }, answer(family, 1)] } },
        [
          ...times('/before', 20, 0),
          ask(family, 2),
          ...times('/unseen', 1, 20),
          ask(family, 1),
          ...times('/after', 30, 21),
        ],
      )
      assert.deepEqual(rowsOf(seen), {
        [seen.row('/after')]: { requests: 30, codes: { 200: 30 } },
        [seen.row('/before')]: { requests: 20, codes: { 200: 20 } },
      })
      assert.deepEqual(failuresOf(seen), {})
      const { holes, ambiguous, unmatchedResponses } = seen.final.loss
      assert.deepEqual(
        { holes, ambiguous, unmatchedResponses },
        { holes: 2, ambiguous: 1, unmatchedResponses: 0 },
      )
    })

    test(`answers to requests that pass elsewhere are unmatched, each of them (${family.name})`, async () => {
      const seen = await talk(
        family,
        {
          '/chunked': {
            steps: [{ send: CHUNKED.slice(0, 60) }, { pause: 5 }, { send: CHUNKED.slice(60) }],
          },
        },
        [
          ...whole('/before', 20, OK),
          ask(family, 2),
          ...whole('/unseen', 3, OK),
          ...whole('/chunked', 3, CHUNKED),
          ask(family, 1),
          ...whole('/after', 30, OK),
        ],
      )
      assert.deepEqual(rowsOf(seen), {
        [seen.row('/after')]: { requests: 30, codes: { 200: 30 } },
        [seen.row('/before')]: { requests: 20, codes: { 200: 20 } },
      })
      assert.deepEqual(failuresOf(seen), {})
      const { holes, ambiguous, unmatchedResponses } = seen.final.loss
      assert.deepEqual(
        { holes, ambiguous, unmatchedResponses },
        { holes: 1, ambiguous: 0, unmatchedResponses: 6 },
      )
    })

    test(`a request whose answer passes elsewhere is unseen, and no failure (${family.name})`, async () => {
      const seen = await talk(
        family,
        {
          '/unseen': {
            steps: [answer(family, 2), { send: HEAD }, { send: body(20_000) }, answer(family, 1)],
          },
        },
        [
          ...times('/before', 20, 0),
          { send: get('/unseen') },
          { bytes: 20 * OK.length + HEAD.length + 20_000 },
          ...times('/after', 30, 21),
        ],
      )
      assert.deepEqual(rowsOf(seen), {
        [seen.row('/after')]: { requests: 30, codes: { 200: 30 } },
        [seen.row('/before')]: { requests: 20, codes: { 200: 20 } },
        [seen.row('/unseen')]: { requests: 1, codes: {} },
      })
      assert.deepEqual(failuresOf(seen), {})
      assert.equal(seen.sum.totals.unseen, 1)
      assert.equal(seen.final.loss.halfSeen, 0)
      assert.ok((seen.final.loss.holes ?? 0) > 0)
    })

    test(`a part of a body that passes elsewhere changes no count (${family.name})`, async () => {
      const answerBytes = HEAD.length + 20_000
      const seen = await talk(
        family,
        {
          '/long': {
            steps: [
              { send: HEAD },
              { send: body(10_000) },
              answer(family, 2),
              { send: body(5000) },
              answer(family, 1),
              { send: body(5000) },
            ],
          },
        },
        range(1, 5).flatMap((): Step[] => [{ send: get('/long') }, { bytes: answerBytes }]),
      )
      assert.deepEqual(rowsOf(seen), { [seen.row('/long')]: { requests: 5, codes: { 200: 5 } } })
      const { totals } = seen.sum
      assert.equal(totals.unseen, 0)
      assert.equal(totals.total.count, 5)
      assert.equal(totals.bodyReset, 0)
      assert.equal(totals.receivedBytes, 5 * answerBytes)
      assert.equal(seen.final.loss.holes, 5)
    })

    const isShort = family.name === 'IPv4'
    const title = `what passes elsewhere last is known while the connection stays open (${family.name})`
    test(title, { skip: !isShort && unlessLong }, async () => {
      const tail = {
        steps: [
          { send: HEAD },
          { send: body(10_000) },
          answer(family, 2),
          { send: body(10_000) },
          answer(family, 1),
        ],
      }
      const all = { steps: [answer(family, 2), { send: OK }, answer(family, 1)] }
      for (const [path, rule, codes] of [
        ['/tail', tail, { 200: 1 }],
        ['/all', all, {}],
      ] as const) {
        let open = 1
        const over = join(folder, `${family.name}${path.replace('/', '-')}`)
        const seen = await talk(
          family,
          { [path]: rule },
          [{ send: get(path) }, { answers: 1 }, { until: over }],
          async (helper) => {
            // Its socket is asked after two seconds of silence.
            for (let n = 0; n < 6; n++) {
              const frame = await helper.nextFrame()
              const ended = helper.frames.flatMap(({ traffic }) =>
                traffic.map(({ total, unseen }) => total.count + (unseen ?? 0)),
              )
              open = 1 - ended.reduce((sum, count) => sum + count, 0)
              if (open === 0 && frame.traffic.every(({ inFlight }) => inFlight === 0)) break
            }
            writeFileSync(over, '')
          },
        )
        assert.equal(open, 0, `${path} is over`)
        assert.deepEqual(rowsOf(seen), { [seen.row(path)]: { requests: 1, codes } })
        assert.deepEqual(failuresOf(seen), {})
        assert.equal(seen.sum.totals.bodyReset, 0)
        assert.equal(seen.final.loss.holes, 1)
      }
    })

    test(`of a pipelining client nothing is guessed (${family.name})`, async () => {
      const seen = await talk(family, {}, [
        { send: get('/a') },
        ask(family, 2),
        { send: get('/b') },
        ask(family, 1),
        { send: get('/c') },
        { answers: 3 },
        ...times('/after', 10, 3),
      ])
      assert.deepEqual(rowsOf(seen)[seen.row('/after')], { requests: 10, codes: { 200: 10 } })
      assert.deepEqual(rowsOf(seen)[seen.row('/a')], { requests: 1, codes: { 200: 1 } })
      assert.equal(rowsOf(seen)[seen.row('/b')], undefined)
      assert.deepEqual(failuresOf(seen), {})
      const { requests, answered } = seen.sum.totals
      assert.equal(requests, answered)
      assert.equal(seen.final.loss.holes, 1)
      assert.equal(requests + seen.final.loss.unmatchedResponses, 13, JSON.stringify(seen.final.loss))
    })

    test(`an nginx whose keepalive connection moves loses what passes elsewhere, and no more (${family.name})`, async () => {
      port++
      await inSight(family)
      const at = family.name === 'IPv6' ? `[${family.far}]:${port}` : `${family.far}:${port}`
      await backend.call('listen', { address: family.far, port })
      const nginx = await startLabNginx(
        near,
        `upstream u { server ${at}; keepalive 1; }
         server { listen 127.0.0.1:8080; location / { proxy_pass http://u; proxy_bind ${family.near};
           proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
      )
      const through = (path: string, count: number): Promise<unknown> =>
        proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get(path)], times: count })
      const seen = await watch(near, async () => {
        await through('/before', 10)
        await inside(near, ...ask(family, 2).run)
        await inside(far, ...answer(family, 2).run)
        await through('/elsewhere', 5)
        await inside(far, ...answer(family, 1).run)
        await through('/unmatched', 5)
        await inside(near, ...ask(family, 1).run)
        await inside(far, ...answer(family, 2).run)
        await through('/unseen', 5)
        await inside(far, ...answer(family, 1).run)
        await through('/after', 10)
      }, ['--iface', 'c1', '--iface', 'lo'])
      await nginx.stop()
      assert.deepEqual(rowsOf(seen), {
        [`${at} GET /after`]: { requests: 10, codes: { 200: 10 } },
        [`${at} GET /before`]: { requests: 10, codes: { 200: 10 } },
        [`${at} GET /unseen`]: { requests: 5, codes: {} },
      })
      assert.deepEqual(failuresOf(seen), {})
      assert.equal(seen.sum.totals.unseen, 5)
      assert.equal(seen.final.loss.unmatchedResponses, 5)
      assertReconciles(seen)
    })

    test(`a stream of HTTP/2 that passes elsewhere is missing, and no other (${family.name})`, async () => {
      port++
      await inSight(family)
      const at = family.name === 'IPv6' ? `[${family.far}]:${port}` : `${family.far}:${port}`
      const type = { 'content-type': 'application/grpc' }
      const unary: H2Step[] = [{ head: 200, fields: type }, { data: 5 }, { trailers: { 'grpc-status': '5' } }]
      await backend.call('h2Listen', { address: family.far, port, rules: { '*': { steps: unary } } })
      const nginx = await startLabNginx(
        near,
        `upstream u { server ${at}; keepalive 1; }
         server { listen 127.0.0.1:8080; location / { grpc_pass grpc://u; grpc_bind ${family.near};
           grpc_set_header Content-Type application/grpc; } }`,
      )
      const through = (path: string, count: number): Promise<unknown> =>
        proxy.call('ask', { address: '127.0.0.1', port: 8080, requests: [get(path)], times: count })
      const seen = await watch(near, async () => {
        await through('/before', 10)
        for (const n of range(1, 5)) {
          await inside(near, ...ask(family, 2).run)
          await inside(far, ...answer(family, 2).run)
          await through('/elsewhere', 1)
          await inside(near, ...ask(family, 1).run)
          await through(`/unseen${'x'.repeat(n)}`, 1)
          await inside(far, ...answer(family, 1).run)
          await through('/after', 2)
        }
      }, ['--iface', 'c1', '--iface', 'lo'])
      await nginx.stop()
      const exact = (count: number): object => ({
        requests: count,
        codes: { 200: count },
        grpc: { 5: count },
      })
      const unseen = range(1, 5).map((n) => [`${at} GET /unseen${'x'.repeat(n)}`, { requests: 1, codes: {} }])
      assert.deepEqual(rowsOf(seen), {
        [`${at} GET /before`]: exact(10),
        [`${at} GET /after`]: exact(10),
        ...Object.fromEntries(unseen),
      })
      assert.deepEqual(failuresOf(seen), {})
      assert.equal(seen.sum.totals.unseen, 5)
      assert.ok((seen.final.loss.holes ?? 0) >= 5)
      assertReconciles(seen)
    })
  }
})
