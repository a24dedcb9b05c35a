/** The verifier accepts the programs built by each clang on this machine, they count, and their stack fits older verifiers. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { lacking, ROOT, sh } from './lab/system.ts'

const ARCHITECTURE = process.arch === 'x64' ? 'x86' : process.arch
const FLAGS = [
  ...['-g', '-O2', '-target', 'bpf', '-mcpu=v3', `-D__TARGET_ARCH_${ARCHITECTURE}`],
  ...[`-I${join(ROOT, 'build')}`, `-I${join(ROOT, 'bpf')}`],
]
/**
 * Linux before 6.11 rounds every frame up to 32 bytes and allows 512. One frame is left for other compilers, which may spill
 * more.
 */
const STACK = 512 - 32
const LIBRARIES = ['-lbpf', '-lelf', '-lz']
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-clang-'))
after(() => rmSync(folder, { recursive: true }))

describe('compilers', { skip: lacking('clang', 'gcc') }, () => {
  for (const clang of compilers()) {
    test(`${clang}: built, loaded, and every request of a test run is counted`, async () => {
      const object = join(folder, `${clang}.o`)
      await sh(clang, ...FLAGS, '-c', join(ROOT, 'bpf/kernel/upstreamtop.bpf.c'), '-o', object)
      const program = join(folder, 'testrun')
      const run = join(ROOT, 'bench/kernel/testrun.c')
      await sh('gcc', '-O2', '-Wall', '-Werror', run, '-o', program, ...LIBRARIES)
      const costs = JSON.parse(await sh(program, object, '5')) as Readonly<Record<string, number>>
      assert.ok(costs.request !== undefined && costs.answer !== undefined)
      const measure = join(folder, 'stack')
      await sh(
        'gcc',
        '-O2',
        '-Wall',
        '-Werror',
        join(ROOT, 'test/kernel/bpf/stack.c'),
        '-o',
        measure,
        ...LIBRARIES,
      )
      const byGroup = join(folder, `${clang}-cgroup.o`)
      const source = join(ROOT, 'bpf/kernel/upstreamtop.bpf.c')
      await sh(clang, ...FLAGS, '-DBY_CGROUP=1', '-c', source, '-o', byGroup)
      for (const built of [object, byGroup]) {
        const stacks = JSON.parse(await sh(measure, built)) as Readonly<Record<string, number>>
        assert.ok(stacks.upstreamtop_egress !== undefined && stacks.upstreamtop_ingress !== undefined)
        for (const [name, bytes] of Object.entries(stacks))
          assert.ok(bytes <= STACK, `${name} of ${built}: ${bytes} bytes of stack`)
      }
    })
  }
})

/** One name for each: `clang` is one of the numbered ones. */
function compilers(): readonly string[] {
  const numbered = Array.from({ length: 12 }, (_, n) => `clang-${n + 14}`)
  const byVersion = new Map<string, string>()
  for (const name of ['clang', ...numbered]) {
    const { status, stdout: version } = spawnSync(name, ['--version'], { encoding: 'utf8' })
    if (status !== 0 || byVersion.has(version)) continue
    const targets = execFileSync(name, ['--print-targets'], { encoding: 'utf8' })
    if (targets.includes('bpf')) byVersion.set(version, name)
  }
  return [...byVersion.values()]
}
