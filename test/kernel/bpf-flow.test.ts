/** The programs under BPF_PROG_TEST_RUN: verdicts, states, and random schedules against a twin (bpf/flow.c); retired routes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cable, makeNamespace, range, removeNamespace } from './lab/network.ts'
import { rowsOf } from './lab/compare.ts'
import { inside, lacking, PROBE, ROOT, sh } from './lab/system.ts'
import { startHelper } from './lab/watch.ts'

const SEEDS = process.env.FLOW_SEEDS?.split(',') ?? ['1', '2', '3']

describe('the flow machine', { skip: lacking('cc', 'make') }, () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-flow-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('agrees with a twin on random conversations, and touches no packet', async () => {
    const program = join(folder, 'flow')
    const flags = [
      '-O1',
      '-std=gnu11',
      '-fno-strict-aliasing',
      '-Wall',
      '-Wextra',
      '-Werror',
      `-I${join(PROBE, '..')}`,
    ]
    const libraries = ['-Wl,-Bstatic', '-lbpf', '-Wl,-Bdynamic', '-lelf', '-lz']
    await sh('cc', ...flags, join(ROOT, 'test/kernel/bpf/flow.c'), '-o', program, ...libraries)
    const namespace = await makeNamespace('flow')
    try {
      await sh('ip', '-n', namespace, 'link', 'add', 'first', 'type', 'veth', 'peer', 'name', 'second')
      for (const name of ['first', 'second']) await sh('ip', '-n', namespace, 'link', 'set', name, 'up')
      for (const seed of SEEDS) {
        const said = await inside(namespace, program, seed, '1000', 'first', 'second')
        assert.match(said, /^\d+ requests, /)
      }
    } finally {
      await removeNamespace(namespace)
    }
  })

  test('routes that nobody asks for any more make room for others, and no count is lost', async () => {
    const helper = join(folder, 'upstreamtop-probe')
    await sh(
      'make',
      '-s',
      '-C',
      ROOT,
      `HELPER_BUILD=${folder}`,
      'HELPER_DEFINES=-DMAX_ROUTES=64 -DRETIRE_AFTER=1',
      helper,
    )
    const cable = await Cable.lay()
    try {
      const port = 8699
      await cable.far.call('listen', { address: '10.77.0.2', port })
      const ask = (from: number, to: number): Promise<unknown> =>
        cable.proxy.call('ask', {
          address: '10.77.0.2',
          port,
          requests: range(from, to).map((n) => `GET /route-${letters(n)} HTTP/1.1\r\nHost: x\r\n\r\n`),
        })
      const running = await startHelper(cable.proxy.namespace, [], helper)
      await ask(1, 100)
      await sleep(5000)
      await ask(120, 150)
      const seen = await running.stop()
      const rows = Object.entries(rowsOf(seen))
      const requests = rows.reduce((sum, [, row]) => sum + row.requests, 0)
      assert.equal(requests, 131)
      const other = rows
        .filter(([name]) => name.endsWith('* OTHER'))
        .reduce((sum, [, row]) => sum + row.requests, 0)
      assert.equal(other, 36, 'the last 31 routes found the room that the first had left')
    } finally {
      await cable.remove()
    }
  })
})

/** No digits: these must not look like ids. */
const letters = (n: number): string => String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26))
