/** The help of the program, and the command lines in the documents, checked against the program. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { manualPage } from '../../src/cli/manual.ts'
import { COMMAND_NAMES, program } from '../../src/cli/program.ts'
import { version } from '../../src/version.ts'
import { assertGolden } from '../golden.ts'
import { ioOf } from '../../src/cli/io.ts'
import { runCommand } from './run-command.ts'

const root = join(import.meta.dirname, '../..')
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'docs/NUMBERS.md',
  'docs/FORMAT.md',
  'docs/fleet.md',
  'docs/postmortem.md',
  'docs/ci.md',
  'docs/triggers.md',
  'docs/metrics.md',
]

const tree = await program(
  ioOf({
    args: [],
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    now: () => 0,
    signal: new AbortController().signal,
  }),
  [],
)

test('--help describes the program', async () => {
  const { code, stdout } = await runCommand(['--help'])
  assert.equal(code, 0)
  assertGolden('help/upstreamtop.txt', stdout)
})

for (const name of COMMAND_NAMES) {
  test(`${name} --help describes the command, with examples`, async () => {
    const { code, stdout } = await runCommand([name, '--help'])
    assert.equal(code, 0)
    assert.match(stdout, /\nExamples:\n/)
    assertGolden(`help/${name}.txt`, stdout)
  })
}

test('the man page equals --help', () => {
  const file = join(root, 'man/upstreamtop.1')
  const page = manualPage(tree, version)
  if (process.env.GOLDEN === 'renew') writeFileSync(file, page)
  assert.equal(page, readFileSync(file, 'utf8'), 'make golden writes man/upstreamtop.1')
})

test('the program knows every command line in the documents and examples', () => {
  const examples = [tree, ...tree.commands].map((command) => {
    let text = ''
    command.configureOutput({ writeOut: (part) => (text += part) })
    command.outputHelp()
    return text
  })
  const texts = [
    ...DOCUMENTS.filter((file) => existsSync(join(root, file))).map((file) =>
      readFileSync(join(root, file), 'utf8'),
    ),
    ...examples,
  ]
  const wrong = texts.flatMap(commandLines).flatMap(unknownWords)
  assert.deepEqual(wrong, [])
})

test('an unknown command suggests the nearest', async () => {
  const { code, stderr } = await runCommand(['recrod'])
  assert.equal(code, 2)
  assert.match(stderr, /Did you mean record\?/)
})

test('a recording in the place of a command says replay, whether it is there or not', async () => {
  const fixture = join(root, 'fixtures/recordings/incident.db')
  for (const [file, ...words] of [
    [fixture, fixture],
    [fixture, fixture, '--at', '15:00'],
    ['nowhere.db', 'nowhere.db'],
    ['nowhere.DB.gz', '--tz', 'UTC', 'nowhere.DB.gz'],
    [fixture, 'live', fixture],
    ['-', '-'],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(words)
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.equal(
      stderr,
      `upstreamtop: "${file}" is no command\n  To look at a recording: upstreamtop replay ${file}\n`,
    )
  }
  assert.match((await runCommand(['a b.db'])).stderr, /replay 'a b\.db'/)
  assert.match((await runCommand(['x'.repeat(300)])).stderr, /unknown command 'x+'/)
})

test('an operand of live that is no file is refused as before', async () => {
  const { code, stderr } = await runCommand(['live', 'now'])
  assert.equal(code, 2)
  assert.match(stderr, /live takes options only, and "now" is none/)
})

test('an unknown option is a usage error', async () => {
  const { code, stderr } = await runCommand(['replay', 'x.db', '--sped', '2'])
  assert.equal(code, 2)
  assert.match(stderr, /unknown option '--sped'[^]*Did you mean --speed/)
})

test('--version prints the version of package.json', async () => {
  const { stdout } = await runCommand(['--version'])
  assert.equal(stdout, `${version}\n`)
})

/** `upstreamtop …` up to the end of the command: a pipe, a backtick, a column of explanation. */
const commandLines = (text: string): string[] =>
  [...text.matchAll(/(?<![\w./-])upstreamtop((?: +(?! )[^\n`|;&()]*)?)/g)]
    .map(([, rest]) => rest!.split(/ {2,}|\t| # /)[0]!.trim())
    .filter((rest) => /^(--?[a-z]|[a-z]+ )/.test(rest) && COMMAND_NAMES.includes(rest.split(' ')[0]!))

function unknownWords(line: string): string[] {
  const command = tree.commands.find((known) => known.name() === line.split(' ')[0])
  const known = (command ?? tree).options.flatMap(({ long, short }) => [long, short])
  return [...line.matchAll(/(?<=\s)(--[a-z][a-z-]*|-[a-z])(?=[\s=]|$)/g)]
    .map(([, option]) => option!)
    .filter((option) => option !== '--help' && !known.includes(option))
    .map((option) => `upstreamtop ${line}: ${option}`)
}

test('the command in README.md prints the screen below it', async () => {
  const [, words = '', screen] =
    /```\n\$ upstreamtop ([^\n]+)\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  const args = words.split(' ').map((word) => (word.startsWith('fixtures/') ? join(root, word) : word))
  const { stdout } = await runCommand(args)
  assert.equal(screen, stdout)
})

test('no document links to a missing file', () => {
  const missing = DOCUMENTS.filter((file) => existsSync(join(root, file))).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map(([, target]) => join(file, '..', target!))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${file} → ${target}`),
  )
  assert.deepEqual(missing, [])
})
