/** `--ascii`, and terminals whose locale is not UTF-8. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, test } from 'node:test'
import { cannotShowBlocks } from '../../src/cli/charset.ts'
import { COMMAND_NAMES } from '../../src/cli/program.ts'
import { run } from '../../src/cli/run.ts'
import { runCommand } from './run-command.ts'

const FILE = join(import.meta.dirname, '../../fixtures/recordings/incident.db')
const NOT_ASCII = /[^\0-\x7f]/
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-ascii-'))
after(() => rmSync(folder, { recursive: true }))

const FOR_PEOPLE: readonly (readonly string[])[] = [
  ['replay', FILE, '--print', '--at', '15:01:10'],
  ['replay', FILE, '--print', '--at', '15:01:10', '--ansi'],
  ['report', FILE],
  ['report', FILE, '--format', 'md'],
  ['requests', FILE, '--from', '15:01', '--to', '+2s'],
  ['diff', FILE, '--base', '15:00..15:01', '--target', '15:01..15:02'],
  ['assert', FILE, 'requests > 0'],
  ['info', FILE],
  ['check', FILE],
  ['report', '--help'],
  ['diff', '--help'],
]
for (const args of FOR_PEOPLE) {
  test(`--ascii: ${args.map((word) => word.replace(FILE, 'FILE')).join(' ')}`, async () => {
    const plain = await runCommand(args)
    const { code, stdout, stderr } = await runCommand([...args, '--ascii'])
    assert.equal(code, plain.code)
    assert.notEqual(stdout, '')
    assert.doesNotMatch(stdout + stderr, NOT_ASCII)
    // Lines stay lines, and what was ASCII stays as it was.
    assert.equal(stdout.split('\n').length, plain.stdout.split('\n').length)
    assert.ok(NOT_ASCII.test(plain.stdout) || stdout === plain.stdout)
  })
}

for (const format of ['json', 'csv', 'ndjson', 'html']) {
  test(`--ascii does not touch what programs read: ${format}`, async () => {
    const args = ['report', FILE, '--format', format]
    // The page quotes the command line.
    const [plain, ascii] = [await runCommand(args), await runCommand([...args, '--ascii'])]
    assert.equal(ascii.stdout.replaceAll(' --ascii', ''), plain.stdout)
  })
}

test('pictures as JSON are not touched either', async () => {
  const args = ['replay', FILE, '--json', '--at', '15:01:10']
  assert.equal((await runCommand([...args, '--ascii'])).stdout, (await runCommand(args)).stdout)
})

test('--ascii counts for a file, too', async () => {
  const out = join(folder, 'report.txt')
  assert.equal((await runCommand(['report', FILE, '--out', out, '--ascii'])).code, 0)
  assert.doesNotMatch(readFileSync(out, 'utf8'), NOT_ASCII)
})

test('an error is ASCII, its values escaped; --ascii behind -- is a word', async () => {
  const { stderr } = await runCommand(['report', '/nowhere/日.db', '--ascii'])
  assert.match(stderr, /"\/nowhere\/\\u\{65e5\}\.db"/)
  const word = await runCommand(['report', '--', '/nowhere/日.db', '--ascii'])
  assert.match(word.stderr, /日/)
})

test('every command has the option', async () => {
  for (const name of COMMAND_NAMES)
    assert.match((await runCommand([name, '--help'])).stdout, / --ascii /, name)
})

test('a terminal whose locale is set and is not UTF-8 gets ASCII; a pipe never does by itself', async () => {
  const printed = async (env: Readonly<Record<string, string>>, isTTY: boolean): Promise<string> => {
    const stdout = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY })
    const args = ['report', FILE]
    const { signal } = new AbortController()
    const stdin = new PassThrough()
    await run({ args, stdin, stdout, stderr: new PassThrough(), env, now: () => 0, signal })
    return String(stdout.read())
  }
  assert.doesNotMatch(await printed({ LANG: 'C' }, true), NOT_ASCII)
  assert.match(await printed({ LANG: 'C' }, false), NOT_ASCII)
  assert.match(await printed({ LANG: 'C.UTF-8' }, true), NOT_ASCII)
})

test('the locale is found as setlocale finds it', () => {
  const tty = { isTTY: true }
  for (const env of [
    { LANG: 'C' },
    { LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' },
    { LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'en_US.UTF-8' },
    { LC_ALL: '', LANG: 'ru_RU.KOI8-R' },
    { LANG: 'de_DE@euro' },
  ])
    assert.ok(cannotShowBlocks(tty, env), JSON.stringify(env))
  for (const env of [
    {},
    { LANG: '' },
    { LANG: 'C.UTF-8' },
    { LANG: 'C', LC_CTYPE: 'en_US.utf8' },
    { LANG: 'C', LC_ALL: 'de_DE.UTF-8@euro' },
    { LC_MESSAGES: 'C' },
  ])
    assert.ok(!cannotShowBlocks(tty, env), JSON.stringify(env))
})
