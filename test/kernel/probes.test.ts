/** Keepalive and window probes that carry an old byte are no retransmits, from either end. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { assertNothingLost, assertReconciles, rowsOf } from './lab/compare.ts'
import { Cable } from './lab/network.ts'
import { atInterfacesOnly, lacking } from './lab/system.ts'
import { watch } from './lab/watch.ts'

const PROBER = fileURLToPath(new URL('lab/probe.py', import.meta.url))
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

describe('probes', { skip: lacking('python3') }, () => {
  let cable: Cable
  let port = 8640
  before(async () => (cable = await Cable.create()))
  after(() => cable.remove())

  for (const address of ['10.77.0.2', 'fd77::2'])
    // What a raw socket sends in the place of who asks comes with no socket of TCP: by control group it is no packet of the connection.
    for (const [end, skip] of [
      ['backend', false],
      ['nginx', atInterfacesOnly],
    ] as const)
      test(
        `of ${end === 'backend' ? 'a backend' : 'whoever asks'} are no retransmits (${address})`,
        { skip },
        async () => {
          port++
          await cable.far.call('listen', { address, port })
          const [namespace, device] =
            end === 'backend' ? [cable.far.namespace, 'peer'] : [cable.proxy.namespace, 'leg']
          const words = ['netns', 'exec', namespace, 'python3', PROBER, device, String(port), '10']
          const prober = spawn('ip', words, { stdio: ['pipe', 'pipe', 'inherit'] })
          const ended = once(prober, 'exit')
          await Promise.race([once(prober.stdout, 'data'), ended])
          assert.equal(prober.exitCode, null, 'the prober runs')
          const seen = await watch(cable.proxy.namespace, async () => {
            const steps = [
              { send: get('/a') },
              { answers: 1 },
              { pause: 1500 },
              { send: get('/a') },
              { answers: 2 },
            ]
            const talked = cable.proxy.call('talk', { address, port, steps })
            await sleep(300)
            prober.stdin.end('\n')
            await Promise.all([talked, ended])
          })
          const name = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
          assert.deepEqual(rowsOf(seen), { [`${name} GET /a`]: { requests: 2, codes: { 200: 2 } } })
          const { totals } = seen.sum
          assert.equal(totals.retransmits + totals.connection.retransmits, 0)
          assert.equal(seen.final.control.secondSightings, 10, 'they passed')
          assertNothingLost(seen)
          assertReconciles(seen)
        },
      )
})
