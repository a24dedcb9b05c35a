/**
 * The BPF programs under BPF_PROG_TEST_RUN: verdicts, states, random schedules against a twin (bpf/flow.c).
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildHelper, PROGRAMS } from './lab/build.ts'
import { makeNamespace, removeNamespace } from './lab/network.ts'
import { inside, lacking, PROBE, ROOT, sh, unlessLong } from './lab/system.ts'

const SEEDS = process.env.FLOW_SEEDS?.split(',') ?? ['1', '2', '3']

describe('the BPF programs', { skip: lacking('cc', 'make') }, () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'upstreamtop-flow-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** A helper built with other limits. */
  const variant = (name: string, defines: string, own?: typeof PROGRAMS): Promise<string> =>
    buildHelper(join(folder, name), defines, own)

  /** Runs bpf/flow.c with the programs of a build; returns its output for each seed. */
  async function twin(build: string, connections = 1000): Promise<string[]> {
    const program = join(folder, 'flow')
    const flags = [
      '-O1',
      '-std=gnu11',
      '-D_GNU_SOURCE',
      '-fno-strict-aliasing',
      '-Wall',
      '-Wextra',
      '-Werror',
      ...[`-I${build}`, `-I${join(ROOT, 'bpf')}`],
    ]
    const libraries = ['-Wl,-Bstatic', '-lbpf', '-Wl,-Bdynamic', '-lelf', '-lz']
    await sh('cc', ...flags, join(ROOT, 'test/kernel/bpf/flow.c'), '-o', program, ...libraries)
    const namespace = await makeNamespace('flow')
    try {
      await sh('ip', '-n', namespace, 'link', 'add', 'first', 'type', 'veth', 'peer', 'name', 'second')
      for (const name of ['first', 'second']) await sh('ip', '-n', namespace, 'link', 'set', name, 'up')
      const said: string[] = []
      for (const seed of SEEDS)
        said.push(await inside(namespace, program, seed, String(connections), 'first', 'second'))
      return said
    } finally {
      await removeNamespace(namespace)
    }
  }

  test('counts random conversations like its twin, and changes no packet', async () => {
    for (const said of await twin(join(PROBE, '..')))
      assert.match(said, /^\d+ requests, .* small maps, 0 in large ones/)
  })

  // 1: nearly all flows are in the large maps. 200: they fill the small maps first; entries become free and are used again
  for (const few of [1, 200])
    test(
      `counts like its twin when the small maps hold ${few} flows and the large maps hold the others`,
      { skip: few === 200 && unlessLong },
      async () => {
        const helper = await variant(`small-maps-${few}`, `-DFEW_FLOWS=${few}`)
        for (const said of await twin(join(helper, '..')))
          assert.match(said, /^\d+ requests, .* [1-9]\d* flows in small maps, [1-9]\d* in large ones/)
      },
    )

  test('a lock that is held for long, as by a virtual CPU that is taken away, loses nothing', async () => {
    // each 50th holder for 10 ms
    const helper = await variant('late', '-DHOLD_LATE=10000000ULL', PROGRAMS)
    for (const said of await twin(join(helper, '..'), 10)) assert.match(said, /^\d+ requests/)
  })
})
