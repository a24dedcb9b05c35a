/** The built program behaves like the sources. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../store/support.ts'
import { runCommand } from './run-command.ts'

const root = join(import.meta.dirname, '../..')
const recording = join(root, 'fixtures/recordings/incident.db')

for (const words of [
  ['report', recording, '--format', 'html'],
  ['report', recording, '--format', 'json'],
  ['replay', recording, '--print', '--at', '30%'],
  ['--help'],
]) {
  test(`the built program prints the same as the sources: ${words.join(' ').replace(root, '')}`, async () => {
    const built = execFileSync(process.execPath, [join(root, 'dist/main.js'), ...words], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    assert.ok(built.length > 100)
    assert.equal(built, (await runCommand(words)).stdout)
  })
}

test('threads of the built program write what the sources write on one', async () => {
  await inFolder(async (folder) => {
    const words = (lake: string): string[] => [
      ...['report', recording, '--parquet', join(folder, lake)],
      ...['--offset', 'web1=+56m'],
    ]
    execFileSync(process.execPath, [join(root, 'dist/main.js'), ...words('built')], { stdio: 'ignore' })
    assert.equal((await runCommand(words('sources'))).code, 0)
    const filesOf = (lake: string): string[] =>
      readdirSync(join(folder, lake), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.parquet'))
        .sort()
        .map((name) => `${name} ${readFileSync(join(folder, lake, name), 'base64')}`)
    assert.ok(filesOf('built').length >= 4)
    assert.deepEqual(filesOf('built'), filesOf('sources'))
  })
})

/** Runs a shell command in which `u` is the program and `$f` the recording. */
const shell = (words: string): { code: number | null; stderr: string } => {
  const program = `u() { "${process.execPath}" "${join(root, 'dist/main.js')}" "$@"; }; f="${recording}"`
  const { status, stderr } = spawnSync('bash', ['-c', `${program}; ${words}`], { encoding: 'utf8' })
  return { code: status, stderr }
}

test('an error of standard output is reported without a stack', () => {
  for (const command of [
    'report "$f"',
    'report "$f" --format html',
    'replay "$f" --print',
    'info "$f"',
    '--help',
  ]) {
    const { code, stderr } = shell(`u ${command} >/dev/full`)
    assert.equal(code, 4, command)
    assert.equal(
      stderr,
      "upstreamtop: standard output can't be written: ENOSPC: no space left on device, write\n",
    )
  }
})

test('a reader that closes the pipe early is no error', () => {
  for (const command of [
    'report "$f"',
    'requests "$f"',
    'replay "$f" --print',
    'report "$f" --format html',
  ]) {
    assert.deepEqual(shell(`u ${command} | true; exit \${PIPESTATUS[0]}`), { code: 0, stderr: '' }, command)
  }
})

test('a failed gate exits with 3 even if its output cannot be written', () => {
  for (const gate of [
    `assert "$f" 'p99 < 1ms'`,
    `diff "$f" --base 15:00..15:01 --target 15:01.. --fail-on 'requests > 0'`,
  ]) {
    for (const reader of ['| true', '>/dev/full', '>&-']) {
      assert.equal(shell(`u ${gate} ${reader}; exit \${PIPESTATUS[0]}`).code, 3, `${gate} ${reader}`)
    }
  }
})

test('a recorder goes on when its stderr cannot be written', () => {
  const capture = join(root, 'fixtures/probe/simulated.ndjson')
  const record = `u record --out "$d/x.db" --probe "cat ${capture}"`
  for (const deaf of ['2>/dev/full', '2>&1 | true', '2>&-']) {
    const { code } = shell(
      `d=$(mktemp -d); trap 'rm -r "$d"' EXIT; ${record} ${deaf}; u check "$d/x.db" >/dev/null`,
    )
    assert.equal(code, 0, deaf)
  }
})
