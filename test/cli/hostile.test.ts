/** Paths come from the network: none of their control bytes may reach a terminal, in any output. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Backend, Route } from '../../src/frame/model/frame.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { inFolder, META } from '../store/support.ts'
import { sampleFrames } from '../torture/sample.ts'
import { runCommand, type Ran } from './run-command.ts'

const capture = new URL('../../fixtures/probe/simulated.ndjson', import.meta.url).pathname
const HOSTILE = '/\u001b[2J\u007f\u009b2J\u202eevil\u200b'
const CONTROL_CHARACTER = /[^\P{Cc}\n]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u

test('a hostile path and a hostile marker are escaped in every output', async () => {
  await inFolder(async (folder) => {
    const [wire, file] = [join(folder, 'wire.ndjson'), join(folder, 'x.db')]
    const path = JSON.stringify(HOSTILE).slice(1, -1)
    writeFileSync(wire, readFileSync(capture, 'utf8').replaceAll('"/healthz"', `"${path}"`))
    const live = await runCommand(['live', '--probe', `cat ${wire}`])
    assert.match(live.stdout, /\/\\x1b\[2J\\x7f\\x9b2J\\u\{202e\}evil/)
    assert.equal((await runCommand(['record', '--out', file, '--probe', `cat ${wire}`])).code, 0)
    assert.equal((await runCommand(['mark', file, `deploy${HOSTILE}`])).code, 0)
    const shown = await Promise.all(
      [
        ['replay', file, '--print'],
        ['replay', file, '--json', '--at', '50%'],
        ...['text', 'md', 'html', 'json'].map((format) => ['report', file, '--format', format]),
        ...['csv', 'ndjson'].map((format) => ['report', file, '--by', 'route', '--format', format]),
        ...['text', 'csv', 'ndjson'].map((format) => ['requests', file, '--format', format]),
        ...['text', 'json'].map((format) => ['info', file, '--format', format]),
        ...['text', 'md', 'json'].map((format) => ['diff', file, file, '--format', format]),
        ['replay', file, '--print', '--at', '@nowhere'],
      ].map(async (args) => ({ args, ...(await runCommand(args)) })),
    )
    for (const { args, stdout, stderr } of [{ args: ['live'], ...live }, ...shown]) {
      assert.doesNotMatch(stdout, CONTROL_CHARACTER, args.join(' '))
      assert.doesNotMatch(stderr, CONTROL_CHARACTER, args.join(' '))
      assert.match(stdout + stderr, /2J/, args.join(' '))
    }
    const json = shown.find(({ args }) => args[0] === 'report' && args.at(-1) === 'json')
    const { backends } = JSON.parse(json?.stdout ?? '') as { backends: { routes: { route: string }[] }[] }
    const routes = backends.flatMap((backend) => backend.routes.map(({ route }) => route))
    assert.equal(routes.filter((route) => route === HOSTILE).length, 1)
  })
})

const COMMAND = /##[a-z]*\[|^\s*::[a-z][\w-]*.*::/im

test('names contain no commands of CI systems when they are printed into a build log', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'x.db')
    const sink = createRecording(file, { ...META, host: '##[add-mask]web1' }, { durable: false })
    const named = <T extends { readonly backend: Backend; readonly route: Route }>(row: T): T => ({
      ...row,
      backend: { ...row.backend, address: '::add-mask::web', names: ['  ::stop-commands::x'] },
      route: { ...row.route, method: '::error file=x::', path: '/##vso[task.setvariable variable=PATH]/tmp' },
    })
    for (const frame of sampleFrames({ secs: 5, rps: 20, backends: 1, routes: 1, requests: 3 })) {
      sink.append({
        ...frame,
        traffic: frame.traffic.map(named),
        connections: [],
        requests: frame.requests.map(named),
      })
    }
    sink.mark({ at: wallMicros(1_795_356_001_000_000), kind: 'deploy', text: '##teamcity[x]' })
    sink.close()
    for (const args of [
      ['replay', file, '--print'],
      ['replay', file, '--json', '--at', '50%'],
      ...['text', 'md', 'html', 'json'].map((format) => ['report', file, '--format', format]),
      ...['backend', 'route', 'method', 'host'].map((by) => ['report', file, '--by', by, '--format', 'csv']),
      ...['text', 'csv', 'ndjson'].map((format) => ['requests', file, '--format', format]),
      ...['text', 'json'].map((format) => ['info', file, '--format', format]),
      ...['text', 'md', 'json'].map((format) => ['diff', file, file, '--format', format]),
      ['assert', file, 'p99 < 1s', '--where', 'backend = "::a::"'],
    ]) {
      const { stdout, stderr } = await runCommand(args)
      assert.doesNotMatch(stdout, COMMAND, args.join(' '))
      assert.doesNotMatch(stderr, COMMAND, args.join(' '))
    }
  })
})

const FORGED = 'x\u001b[2J\u0007\nupstreamtop: fetch it;id;.db'

test('a hostile file name is escaped, forges no line, and is one shell word in a remedy', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, FORGED)
    const out = (name: string): string => join(folder, `${name}${FORGED}`)
    const record = ['record', '--out', file, '--probe', `cat ${capture}`]
    const ran = [
      ...(await inSequence([
        record,
        record,
        ['mark', file, FORGED],
        ['cut', file, '-o', out('cut')],
        ['repair', file, '-o', out('repair')],
        ['report', file, '--parquet', out('lake')],
        ['synth', '-o', file],
      ])),
      ...(await inSequence(
        [
          ['info'],
          ['check'],
          ['report'],
          ['report', '--format', 'html'],
          ['requests'],
          ['assert', 'p99 > 100s'],
          ['assert', 'p99 > 100s', '--format', 'junit'],
          ['assert', 'p99 > 100s', '--format', 'github'],
          ['diff', file],
          ['replay', '--print', '--at', '50%', '--ansi'],
        ].map(([command = '', ...rest]) => [command, file, ...rest]),
      )),
    ]
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)))
    const bytes = readFileSync(file)
    // Behind the tables that have one page: some ticks stay, so that there is something to repair.
    const damaged = Math.floor(bytes.length * 0.6)
    writeFileSync(file, bytes.fill(0xff, damaged, damaged + 4000))
    ran.push(
      ...(await inSequence([
        ['mark', `${file}.gz`, 'x'],
        ['check', file],
        ['report', file],
      ])),
    )
    rmSync(file)
    ran.push(
      ...(await inSequence(['info', 'check', 'report', 'replay', 'requests'].map((name) => [name, file]))),
    )
    for (const { args, stdout, stderr } of ran) {
      assert.doesNotMatch(stdout.replace(/\u001b\[[\d;]*m/g, ''), CONTROL_CHARACTER, args.join(' '))
      assert.doesNotMatch(stderr, CONTROL_CHARACTER, args.join(' '))
      assert.doesNotMatch(stdout + stderr, /^upstreamtop: fetch/m, args.join(' '))
    }
    const remedies = ran.flatMap(({ stderr }) => stderr.match(/(gunzip|repair) \S.*$/gm) ?? [])
    assert.ok(remedies.length >= 2, remedies.join('\n'))
    for (const remedy of remedies) assert.match(remedy, /^(gunzip|repair) \$'\S*x\\033\[2J\\007\\012/)
  })
})

test('hostile arguments and helper output forge no line and contain no control character', async () => {
  await inFolder(async (folder) => {
    const wire = join(folder, 'wire.ndjson')
    const evil = JSON.stringify(FORGED).slice(1, -1)
    const [hello = '', ...rest] = readFileSync(capture, 'utf8').split('\n')
    const words = JSON.parse(hello) as Record<string, unknown>
    const said = { ...words, host: FORGED, warnings: [FORGED], unseen: [{ what: FORGED, remedy: FORGED }] }
    const interfaces = (words.interfaces as readonly object[]).map((one) => ({ ...one, name: FORGED }))
    const first = JSON.stringify({ ...said, interfaces })
    writeFileSync(wire, [first, ...rest].join('\n').replaceAll('"/healthz"', `"${evil}"`))
    const ran = await inSequence([
      ['live', '--probe', `cat ${wire}`],
      ['record', '--out', join(folder, 'x.db'), '--probe', `cat ${wire}`],
      ['info', join(folder, 'x.db')],
      ['live', '--probe', `printf '\\033[2J\\nupstreamtop: fetch it\\n' >&2; exit 4`],
      ['live', '--probe', `echo '${evil}'`],
      ['report', '--format', FORGED, 'x.db'],
      [`--${FORGED}`],
      [FORGED],
      ['report', 'x.db', '--where', FORGED],
      ['report', 'x.db', `--${FORGED}=1`],
      ['cut', 'x.db', '-o', 'y.db', '--redact', FORGED],
      ['synth', '-o', join(folder, 'y.db'), '--incident', FORGED],
      ['replay', join(folder, 'x.db'), '--at', FORGED],
      ['report', join(folder, 'x.db'), '--tz', FORGED],
      ['report', join(folder, 'x.db'), '--offset', `${FORGED}=1s`],
    ])
    for (const { args, stdout, stderr } of ran) {
      assert.doesNotMatch(stdout, CONTROL_CHARACTER, args.join(' '))
      assert.doesNotMatch(stderr, CONTROL_CHARACTER, args.join(' '))
      assert.doesNotMatch(stdout + stderr, /^upstreamtop: fetch/m, args.join(' '))
    }
  })
})

async function inSequence(
  lines: readonly (readonly string[])[],
): Promise<readonly (Ran & { readonly args: readonly string[] })[]> {
  const ran = []
  for (const args of lines) ran.push({ args, ...(await runCommand(args)) })
  return ran
}
