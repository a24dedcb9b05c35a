/** A lock that is held loses nothing: a virtual CPU may be taken away from whoever holds it. Here holders are late on purpose. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { assertEqualsTruth, assertReconciles, failuresOf, rowsOf } from './lab/compare.ts'
import { Cable, range } from './lab/network.ts'
import type { Step, Truth } from './lab/protocol.ts'
import { lacking, ROOT, sh } from './lab/system.ts'
import { dropEvery, dropNothing } from './lab/trouble.ts'
import { watch } from './lab/watch.ts'

const LATE = '-DHOLD_LATE=10000000ULL' // 10 ms, each 50th
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const LENGTH = 400_000
const PART = 'x'.repeat(LENGTH / 20)
const BULK = {
  steps: [
    { send: `HTTP/1.1 200 OK\r\nContent-Length: ${LENGTH}\r\n\r\n` },
    ...range(1, 20).map(() => ({ send: PART })),
  ],
}

describe('a lock that is held for long', { skip: lacking('tc', 'clang', 'make') }, () => {
  let cable: Cable
  let folder: string
  let helper: string
  let port = 8400
  before(async () => {
    cable = await Cable.lay()
    folder = mkdtempSync(join(tmpdir(), 'upstreamtop-held-'))
    helper = join(folder, 'upstreamtop-probe')
    await sh('make', '-s', '-C', ROOT, `HELPER_BUILD=${folder}`, `HELPER_DEFINES=${LATE}`, helper)
  })
  after(async () => {
    await cable.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const [name, address, losses] of [
    ['IPv4, a tenth lost', '10.77.0.2', true],
    ['IPv6', 'fd77::2', false],
  ] as const)
    test(`loses no answer and no end of a body (${name})`, async () => {
      port++
      await cable.far.call('listen', { address, port, rules: { '/bulk': BULK } })
      if (losses) await dropEvery(cable.far.namespace, 'foot', 'egress', 10, port)
      const bulk = LENGTH + BULK.steps[0]!.send.length
      const steps = range(1, 10).flatMap((): Step[] => [
        { send: get('/bulk') },
        { bytes: bulk },
        { send: get('/short') },
        { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'.length },
      ])
      const connections = range(1, 4).map(() => ({
        address,
        port,
        steps: [...steps, { end: 'fin' as const }],
      }))
      const seen = await watch(
        cable.proxy.namespace,
        async () => {
          await cable.proxy.call('talkMany', connections)
        },
        [],
        helper,
      )
      if (losses) await dropNothing(cable.far.namespace, 'foot')
      const truth: Truth = Object.fromEntries(
        Object.entries(await cable.far.call('ledger')).filter(([row]) => row.includes(`:${port} `)),
      )
      assert.deepEqual(rowsOf(seen), truth)
      assert.deepEqual(failuresOf(seen), {})
      const { totals } = seen.sum
      assert.equal(totals.total.count, totals.answered)
      assert.equal(totals.bodyReset, 0)
      assert.equal(seen.final.control.ambiguous, 0)
      if (losses) assertReconciles(seen)
      else assertEqualsTruth(seen, truth)
    })
})
