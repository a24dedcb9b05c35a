/** The Makefile and its scripts: what they print after a fresh clone. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-make-'))
after(() => rmSync(folder, { recursive: true }))

test('make alone lists the targets', () => {
  const help = execFileSync('make', ['-C', root, '--no-print-directory'], {
    encoding: 'utf8',
    env: withoutMake(),
  })
  for (const target of [
    'build',
    'test',
    'check',
    'golden',
    'bench',
    'torture',
    'siege',
    'demo',
    'install',
    'clean',
  ])
    assert.match(help, new RegExp(`^  make ${target} `, 'm'))
})

test('missing packages are named with the command that installs them', () => {
  const { status, stderr } = runWithOnly(['id', 'uname'], 'system-packages.sh', ['build', 'run'])
  assert.equal(status, 1)
  assert.match(stderr, /^missing system packages: clang llvm bpftool make gcc/)
  assert.match(stderr, /apt-get install -y --no-install-recommends clang /)
  assert.match(stderr, /nginx-light/)
})

test('nothing is printed when nothing is missing', () => {
  const { status, stderr } = runWithOnly(['id', 'uname', 'ip', 'setcap', 'nginx'], 'system-packages.sh', [
    'run',
  ])
  assert.equal(stderr, '')
  assert.equal(status, 0)
})

test('a missing or old node is reported with the required version', () => {
  const without = runWithOnly(['dirname'], 'node-modules.sh', [])
  assert.equal(without.status, 1)
  assert.match(without.stderr, /node \(20, or 22 and newer\) and npm are needed/)
  const old = runWithOnly(['dirname'], 'node-modules.sh', [], {
    node: 'if [ "$1" = --version ]; then echo v18.20.4; else exit 1; fi',
    npm: 'exit 9',
  })
  assert.equal(old.status, 1)
  assert.match(old.stderr, /node v18.20.4 is too old: 20, or 22 and newer, is needed/)
})

/** Runs a script with only these programs, and stand-ins, in PATH. */
function runWithOnly(
  programs: readonly string[],
  script: string,
  args: readonly string[],
  standIns: Readonly<Record<string, string>> = {},
): { status: number | null; stderr: string } {
  const bin = mkdtempSync(join(folder, 'bin-'))
  for (const program of programs) symlinkSync('/bin/true', join(bin, program))
  for (const program of ['id', 'uname', 'dirname']) {
    rmSync(join(bin, program), { force: true })
    symlinkSync(`/usr/bin/${program}`, join(bin, program))
  }
  for (const [name, body] of Object.entries(standIns)) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${body}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const source = join(root, 'scripts', script)
  return spawnSync('/bin/bash', [source, ...args], { env: { PATH: bin, SBIN: '' }, encoding: 'utf8' })
}

/** An inner make must not inherit the flags of the outer one. */
function withoutMake(): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of ['MAKEFLAGS', 'MAKELEVEL', 'MFLAGS']) env[name] = ''
  return env
}
