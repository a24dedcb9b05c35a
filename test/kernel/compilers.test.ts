/** The verifier accepts what each clang on this machine makes of the programs, and it counts. */
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
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-clang-'))
after(() => rmSync(folder, { recursive: true }))

describe('compilers', { skip: lacking('clang', 'gcc') }, () => {
  for (const clang of compilers()) {
    test(`${clang}: built, loaded, and every request of a test run is counted`, async () => {
      const object = join(folder, `${clang}.o`)
      await sh(clang, ...FLAGS, '-c', join(ROOT, 'bpf/upstreamtop.bpf.c'), '-o', object)
      const program = join(folder, 'testrun')
      const source = join(ROOT, 'bench/kernel/testrun.c')
      await sh('gcc', '-O2', '-Wall', '-Werror', source, '-o', program, '-lbpf', '-lelf', '-lz')
      const costs = JSON.parse(await sh(program, object, '5')) as Readonly<Record<string, number>>
      assert.ok(costs.request !== undefined && costs.answer !== undefined)
    })
  }
})

function compilers(): readonly string[] {
  const numbered = Array.from({ length: 12 }, (_, n) => `clang-${n + 14}`)
  return ['clang', ...numbered].filter((name) => {
    if (spawnSync(name, ['--version']).status !== 0) return false
    const targets = execFileSync(name, ['--print-targets'], { encoding: 'utf8' })
    return targets.includes('bpf')
  })
}
