/** Runs the jobs of docs/ci like a CI runner: the shell text of each step, in a folder with the layout of a checkout. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

const root = join(import.meta.dirname, '../..')
const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

interface Step {
  readonly name: string
  readonly run: string
}

/** The `run:` texts of a workflow in order, with their names: one line, or an indented block. */
function stepsOf(job: string): Step[] {
  const lines = readFileSync(join(root, 'docs/ci', job), 'utf8').split('\n')
  const steps: Step[] = []
  let name = ''
  lines.forEach((line, i) => {
    if (/^ {6}- /.test(line)) name = ''
    name = /^ {6}(?:- | {2})name: (.*)$/.exec(line)?.[1] ?? name
    const text = /^ {6}(?:- | {2})run: (.*)$/.exec(line)?.[1]
    if (text === undefined) return
    const end = lines.findIndex((other, at) => at > i && !/^( {10}|$)/.test(other))
    const block = lines.slice(i + 1, end < 0 ? undefined : end).map((each) => each.slice(10))
    steps.push({ name, run: text === '|' ? block.join('\n') : text })
  })
  return steps
}

function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-ci-'))
  folders.push(folder)
  for (const name of ['fixtures', 'docs', 'dist', 'node_modules', 'package.json'])
    symlinkSync(join(root, name), join(folder, name))
  const program = `#!/bin/sh\nexec node ${join(root, 'dist/main.js')} "$@"\n`
  writeFileSync(join(folder, 'upstreamtop'), program, { mode: 0o755 })
  return folder
}

/** Like GitHub runs a step: bash, ending at the first error. */
function runStep({ run }: Step, folder: string): ReturnType<typeof spawnSync> & { readonly stderr: string } {
  return spawnSync('bash', ['-eo', 'pipefail', '-c', run], {
    encoding: 'utf8',
    cwd: folder,
    env: {
      ...process.env,
      PATH: `${folder}:${process.env.PATH}`,
      GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    },
  })
}

/** With a test that ends with that code, and a helper that needs no rights. */
function withRecorder(folder: string, code: number): string {
  const probe = `cat ${join(root, 'fixtures/probe/simulated.ndjson')}; read -r _; true`
  const program = `#!/bin/sh\n[ "$1" = record ] && shift && set -- record --probe '${probe}' "$@"\nexec node ${join(root, 'dist/main.js')} "$@"\n`
  writeFileSync(join(folder, 'upstreamtop'), program, { mode: 0o755 })
  writeFileSync(join(folder, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 })
  writeFileSync(join(folder, 'integration-test.sh'), `#!/bin/sh\necho the test ran\nexit ${code}\n`, {
    mode: 0o755,
  })
  return folder
}

const synth = (folder: string, file: string, ...options: string[]): void => {
  const { status, stderr } = spawnSync('./upstreamtop', ['synth', '-o', file, ...options], {
    encoding: 'utf8',
    cwd: folder,
  })
  assert.equal(status, 0, stderr)
}

describe('ci/fixture.yml', () => {
  it('passes without a change, and fails when the candidate is slower', () => {
    const steps = stepsOf('fixture.yml')
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['', 'what must hold', 'against the last release'],
    )
    assert.equal(steps[0]!.run, 'npm ci && npm run build') // already done in this tree
    const folder = checkout()
    synth(folder, 'baseline.db', '--secs', '60', '--seed', '1')
    synth(folder, 'candidate.db', '--secs', '60', '--seed', '2')
    for (const step of steps.slice(1)) assert.equal(runStep(step, folder).status, 0, step.name)
    assert.match(readFileSync(join(folder, 'gate.xml'), 'utf8'), /<testsuite [^>]*failures="0"/)
    assert.match(readFileSync(join(folder, 'summary.md'), 'utf8'), /Gates/)
    rmSync(join(folder, 'candidate.db'))
    synth(folder, 'candidate.db', '--secs', '60', '--seed', '2', '--incident', 'slow@10s..50s')
    const slower = runStep(steps[2]!, folder)
    assert.equal(slower.status, 3, slower.stderr)
    assert.ok(/FAIL +p99 /.test(readFileSync(join(folder, 'summary.md'), 'utf8')))
  })
})

describe('ci/integration.yml', () => {
  it('gates on the recording and leaves a report of it, also when the gate fails', () => {
    const steps = stepsOf('integration.yml')
    assert.deepEqual(
      steps.map(({ name }) => name),
      ['install upstreamtop', 'start nginx and its backends', 'test while recording', 'gate', 'report'],
    )
    // The first two steps need a network and docker.
    const [record, gate, report] = [steps[2]!, steps[3]!, steps[4]!]
    const folder = checkout()
    const recorded = runStep(record, withRecorder(folder, 5))
    assert.equal(recorded.status, 5, recorded.stderr)
    assert.match(String(recorded.stdout), /^the test ran$/m)
    rmSync(join(folder, 'run.db'))
    synth(folder, 'run.db', '--secs', '30', '--rps', '40', '--seed', '4')
    const passed = runStep(gate, folder)
    assert.equal(passed.status, 0, String(passed.stdout))
    assert.equal(runStep(report, folder).status, 0)
    assert.match(readFileSync(join(folder, 'summary.md'), 'utf8'), /^## upstreamtop: /)
    assert.ok(existsSync(join(folder, 'run.html')))
    rmSync(join(folder, 'run.db'))
    synth(folder, 'run.db', '--secs', '30', '--rps', '40', '--seed', '4', '--incident', '5xx:1@0..30s')
    const failed = runStep(gate, folder)
    assert.equal(failed.status, 3)
    assert.match(String(failed.stdout), /^::error.*5xx < 1%/m)
  })
})
