/** The BPF programs with other limits: the age and the end of open requests, long pauses, retired routes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildHelper } from './lab/build.ts'
import { Cable, range } from './lab/network.ts'
import { rowsOf } from './lab/compare.ts'
import { lacking, sh, unlessLong } from './lab/system.ts'
import { watch, type Helper } from './lab/watch.ts'

/** One build for several tests: after a second of silence a socket is asked, and a body of unknown length is over. */
const impatient = (flows: number): string =>
  `-DSUSPECT_AFTER=1000000000ULL -DCHECK_EVERY=1 -DBODY_SILENCE=1000000000ULL -DFEW_FLOWS=${flows}`

describe('the BPF programs with other limits', { skip: lacking('cc', 'make') }, () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-limits-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** So that a test does not wait for minutes or fill 65,536 routes. */
  const variant = (name: string, defines: string): Promise<string> => buildHelper(join(folder, name), defines)

  test('the age of an open request grows in the large maps too', async () => {
    const helper = await variant('impatient', impatient(1))
    const cable = await Cable.create()
    try {
      const [address, port] = ['10.77.0.2', 8697]
      await cable.far.call('listen', { address, port, rules: { '/slow': { steps: [{ pause: 60_000 }] } } })
      const talk = (path: string): Promise<unknown> => {
        const request = { send: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n` }
        return cable.proxy.call('talk', { address, port, steps: [request, { pause: 5500 }] })
      }
      const ages: number[] = []
      const look = async (running: Helper): Promise<void> => {
        const talks = [talk('/first')]
        await running.nextFrame()
        talks.push(talk('/slow'))
        await running.nextFrame()
        for (let n = 0; n < 2; n++) {
          const { traffic } = await running.nextFrame()
          ages.push(traffic.find(({ route }) => route.path === '/slow')?.oldest ?? 0)
        }
        await Promise.all(talks)
      }
      const seen = await watch(cable.proxy.namespace, look, [], helper)
      assert.equal(seen.sum.totals.requests, 2)
      const [early = 0, late = 0] = ages
      assert.ok(early > 0 && late > early, `ages ${early} and ${late} µs`)
    } finally {
      await cable.remove()
    }
  })

  for (const few of [200, 1])
    test(
      `an open request becomes unanswered when its socket has ended unseen, and never before (room for ${few})`,
      { skip: few === 200 && unlessLong },
      async () => {
        const helper = await variant(`impatient-${few}`, impatient(few))
        const cable = await Cable.create()
        try {
          const port = 8698
          await cable.far.call('listen', {
            address: '10.77.0.2',
            port,
            rules: { '*': { steps: [{ pause: 60_000 }] } },
          })
          const steps = [
            { send: 'GET /hung HTTP/1.1\r\nHost: x\r\n\r\n' },
            { pause: 4000 },
            { end: 'fin' as const },
          ]
          const talk = { address: '10.77.0.2', port, steps }
          const look = async (running: Helper): Promise<void> => {
            // two requests: one of them is in a large map if the small maps hold one flow
            const asked = cable.proxy.call('talkMany', [talk, talk])
            for (let n = 0; n < 2; n++) await running.nextFrame()
            const open = (await running.nextFrame()).traffic[0]
            assert.equal(open?.inFlight, 2, 'silent for longer than SUSPECT_AFTER, but its socket is open')
            await sh('ip', '-n', cable.proxy.namespace, 'link', 'del', 'leg')
            await Promise.race([asked, sleep(6000)])
            for (let n = 0; n < 3; n++) await running.nextFrame()
          }
          const seen = await watch(cable.proxy.namespace, look, [], helper)
          assert.equal(seen.sum.totals.failures.unanswered, 2)
          assert.equal(seen.sum.totals.inFlight, 0)
          assert.equal(seen.final.loss.evicted, 2)
        } finally {
          await cable.remove()
        }
      },
    )

  test('a body whose bounds are known goes on after a pause of any length, to its last byte', async () => {
    const helper = await variant('impatient', impatient(1))
    const cable = await Cable.create()
    try {
      const port = 8697
      const kinds = {
        '/length': ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello', 'world'],
        '/chunked': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', '0\r\n\r\n'],
        '/until-close': ['HTTP/1.1 200 OK\r\n\r\nhello', 'world'],
      }
      const rules = Object.fromEntries(
        Object.entries(kinds).map(([path, [first = '', rest = '']]) => [
          path,
          { steps: [{ send: first }, { pause: 3500 }, { send: rest }, { end: 'fin' as const }] },
        ]),
      )
      await cable.far.call('listen', { address: '10.77.0.2', port, rules })
      const talks = Object.keys(kinds).map((path) => ({
        address: '10.77.0.2',
        port,
        steps: [
          { send: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n` },
          { pause: 4000 },
          { end: 'fin' as const },
        ],
      }))
      const look = (): Promise<unknown> => cable.proxy.call('talkMany', talks)
      const seen = await watch(cable.proxy.namespace, look, [], helper)
      const [routes = []] = seen.sum.backends.map((row) => row.routes)
      assert.deepEqual(
        Object.fromEntries(
          routes.map(({ route, receivedBytes, total, bodyReset }) => [
            route.path,
            { receivedBytes, seconds: Math.floor(total.sum / 1e6), bodyReset },
          ]),
        ),
        Object.fromEntries(
          Object.entries(kinds).map(([path, sent]) => [
            path,
            { receivedBytes: sent.join('').length, seconds: 3, bodyReset: 0 },
          ]),
        ),
      )
    } finally {
      await cable.remove()
    }
  })

  test('routes without requests are retired for new ones, and no count is lost', async () => {
    const helper = await variant('small', '-DMAX_ROUTES=64 -DRETIRE_AFTER=1')
    const cable = await Cable.create()
    try {
      const port = 8699
      await cable.far.call('listen', { address: '10.77.0.2', port })
      const ask = (from: number, to: number): Promise<unknown> =>
        cable.proxy.call('ask', {
          address: '10.77.0.2',
          port,
          requests: range(from, to).map((n) => `GET /route-${letters(n)} HTTP/1.1\r\nHost: x\r\n\r\n`),
        })
      const load = async (): Promise<void> => {
        await ask(1, 100)
        await sleep(5000)
        await ask(120, 150)
      }
      const seen = await watch(cable.proxy.namespace, load, [], helper)
      const rows = Object.entries(rowsOf(seen))
      const requests = rows.reduce((sum, [, row]) => sum + row.requests, 0)
      assert.equal(requests, 131)
      const other = rows
        .filter(([name]) => name.endsWith('* OTHER'))
        .reduce((sum, [, row]) => sum + row.requests, 0)
      assert.equal(
        other,
        44,
        'an eighth of the slots is reserved for nginx; the last 31 routes got the slots of retired ones',
      )
      assert.ok(seen.retired.length >= 31, 'the helper reports the retired slots')
      assert.equal(new Set(seen.retired).size, seen.retired.length)
    } finally {
      await cable.remove()
    }
  })

  test('routes of requests that were never counted are retired, too', async () => {
    const helper = await variant('small', '-DMAX_ROUTES=64 -DRETIRE_AFTER=1')
    const cable = await Cable.create()
    try {
      const port = 8697
      const address = '10.77.0.2'
      await cable.far.call('listen', { address, port })
      const request = (n: number): string => `GET /route-${letters(n)} HTTP/1.1\r\nHost: x\r\n\r\n`
      // One connection follows at most eight pipelined requests; the others are not counted.
      const tooMany = [{ send: range(1, 100).map(request).join('') }, { pause: 100 }, { end: 'rst' as const }]
      const load = async (): Promise<void> => {
        await cable.proxy.call('talk', { address, port, steps: tooMany })
        await sleep(5000)
        await cable.proxy.call('ask', { address, port, requests: range(120, 150).map(request) })
      }
      const rows = Object.keys(rowsOf(await watch(cable.proxy.namespace, load, [], helper)))
      for (const n of range(120, 150))
        assert.ok(rows.includes(`${address}:${port} GET /route-${letters(n)}`), letters(n))
    } finally {
      await cable.remove()
    }
  })
})

/** Letters only: digits could look like ids. */
const letters = (n: number): string => String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26))
