/** What is read within TLS, and what that costs, is in the recording, and each reader says it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TlsReading } from '../../src/frame/model/tls.ts'
import type { ConnectionColumns, TrafficColumns } from '../../src/record/rows.generated.ts'
import type { HelloLine, WireLine } from '../../src/record/wire.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { hello, route, snapshot } from '../record/wire-lines.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tls-'))
after(() => rmSync(folder, { recursive: true }))

const READ = { path: '/usr/sbin/nginx', processes: 3, read: true, probe: 'emulated', why: '' } as const
const UNREAD = {
  path: '/opt/\u001b[2Jnginx',
  processes: 1,
  read: false,
  probe: 'stepped',
  why: 'its functions begin with sub, which costs 12 µs a call',
} as const
const READING: TlsReading = { forced: false, entry_ns: 450, return_ns: 480, programs: [READ, UNREAD] }

const SAID = 'TLS read in /usr/sbin/nginx: emulated probes, 0.45 µs at an entry, 0.48 µs at a return'
const NOT_READ =
  '/opt/\\x1b[2Jnginx is not read within TLS: its functions begin with sub, which costs 12 µs a call'

/** Read within TLS, TLS that is not read, and no TLS. */
const BACKENDS = ['10.0.1.10:443', '10.0.1.11:443', '10.0.1.12:80'] as const

const connections = (id: number, tlsConnects: number, ...tlsRequests: number[]): ConnectionColumns =>
  // prettier-ignore
  [id, 1, 0, 0, 0, tlsConnects, '20', [], 0, 0, tlsConnects, 0, 0, 0, 0, 0, 0, '0', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0, ...tlsRequests] as unknown as ConnectionColumns
const traffic = (slot: number, requests: number): TrafficColumns =>
  // prettier-ignore
  [slot, requests, requests, 0, 0, 0, 0, 0, 0, 0, 0, '100', 0, '0', 0, [200, requests], [], [], '100', '100', 0, []]

interface Recorded {
  readonly append?: boolean
  /** an older helper has no such column */
  readonly isOld?: boolean
}

let files = 0

/** @param tls undefined: without `--tls` */
async function recorded(tls: unknown, { append = false, isOld = false }: Recorded = {}): Promise<string> {
  const file = append ? `${folder}/${files}.db` : `${folder}/${++files}.db`
  const second = append ? 100 : 0
  const known = (count: number): number[] => (isOld ? [] : [count])
  const lines: WireLine[] = [
    { ...(hello as HelloLine), ...(tls === undefined ? {} : { tls: tls as TlsReading }) },
    ...BACKENDS.map((address, i): WireLine => ({ type: 'backend', id: i + 1, address, netns: 1, names: [] })),
    { ...route(1, '/secret'), backend: 1 } as WireLine,
    { ...route(2, '/open'), backend: 3 } as WireLine,
    snapshot(second, { loss: { ...snapshot(0).loss, holes: 0 } }),
    snapshot(second + 1, {
      final: true,
      // As all helpers that know what connections begin with.
      loss: { ...snapshot(0).loss, holes: 0 },
      traffic: [...(tls === undefined ? [] : [traffic(1, 5)]), traffic(2, 7)],
      connections: [
        connections(1, 1, ...known(tls === undefined ? 0 : 5)),
        connections(2, 1, ...known(0)),
        connections(3, 0, ...known(0)),
      ],
    }),
    { type: 'bye', reason: 'stdin closed' },
  ]
  const capture = `${file}.ndjson`
  writeFileSync(capture, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { code, stderr } = await runCommand([
    'record',
    ...(append ? ['--append'] : []),
    ...['--out', file, '--probe', `cat ${capture}`],
  ])
  assert.equal(code, 0, stderr)
  said = stderr
  return file
}
/** by the last recorder, on stderr */
let said = ''

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args)
  assert.equal(code, 0, stderr)
  return stdout
}
const documentOf = async (file: string): Promise<ReportDocument> =>
  JSON.parse(await printed('report', file, '--format', 'json')) as ReportDocument
const readingsOf = async (file: string): Promise<readonly TlsReading[] | undefined> =>
  (await documentOf(file)).recording[0]!.tls
const plainOf = (text: string): string =>
  text
    .replace(/<script[^]*<\/script>/, '')
    .replaceAll('\\\\', '\\')
    .replace(/\\([[\]_])/g, '$1')

test('info and every report for people say what is read, what it costs, and what is not read', async () => {
  const file = await recorded(READING)
  for (const sentence of [SAID, NOT_READ]) assert.ok(said.includes(sentence), said)
  for (const args of [
    ['info', file],
    ...['text', 'md', 'html'].map((form) => ['report', file, '--format', form]),
  ]) {
    const text = plainOf(await printed(...args))
    for (const sentence of [SAID, NOT_READ])
      assert.equal(text.split(sentence).length, 2, `${args.join(' ')}: ${sentence} in ${text}`)
    assert.ok(!text.includes('\u001b'), 'control bytes of a path are escaped')
  }
})

test('JSON has it as data, and of each backend whether it was read within TLS', async () => {
  const { recording, backends } = await documentOf(await recorded(READING))
  assert.deepEqual(recording[0]!.tls, [READING])
  assert.deepEqual(
    BACKENDS.map((address) => {
      const { protocol, tls } = backends.find(({ backend }) => backend === address)!
      return [protocol, tls]
    }),
    [
      ['http/1', true],
      ['tls', false],
      ['http/1', false],
    ],
  )
})

test('CSV and NDJSON have it at the end of a row, so that no column moves', async () => {
  const file = await recorded(READING)
  for (const by of ['backend', 'upstream', 'namespace']) {
    const [head = '', first = ''] = (await printed('report', file, '--by', by, '--format', 'csv')).split('\n')
    assert.ok(head.endsWith(',tls'), head)
    assert.match(first, /,(true|false)$/)
    const empty = await printed(
      'report',
      file,
      '--by',
      by,
      '--where',
      "backend = 'nobody'",
      '--format',
      'csv',
    )
    assert.equal(empty, `${head}\n`)
  }
  const rows = (await printed('report', file, '--by', 'backend', '--format', 'ndjson')).trimEnd().split('\n')
  const tls = rows.map((row) => JSON.parse(row) as { backend: string; tls: boolean })
  assert.deepEqual(tls.map((row) => [row.backend, row.tls]).sort(), [
    [BACKENDS[0], true],
    [BACKENDS[1], false],
    [BACKENDS[2], false],
  ])
})

test('the screen marks the row, and its lines of JSON say it', async () => {
  const file = await recorded(READING)
  const screen = await printed('replay', file, '--print')
  assert.match(screen, /10\.0\.1\.10:443 tls /)
  assert.match(screen, /10\.0\.1\.11:443 .*unread \(tls\)/)
  assert.doesNotMatch(screen, /10\.0\.1\.12:80 tls/)
  const board = JSON.parse((await printed('replay', file, '--print', '--json')).split('\n').at(-2)!) as {
    backends: { backend: string; tls: boolean }[]
  }
  assert.deepEqual(
    board.backends.map(({ backend, tls }) => [backend, tls]).sort(),
    BACKENDS.map((address, i) => [address, i === 0]),
  )
  const { stderr } = await runCommand(['replay', file, '--print'])
  assert.ok(stderr.includes(NOT_READ) && !stderr.includes(SAID), stderr)
})

test('a report marks what was read within TLS, and without --tls says how it would be', async () => {
  const HOW = 'TLS: its requests are not read: record with --tls'
  const withTls = await printed('report', await recorded(READING))
  assert.match(withTls, /10\.0\.1\.10:443 \(TLS\)/)
  assert.ok(!withTls.includes(HOW))
  const file = await recorded(undefined)
  for (const format of ['text', 'md', 'html']) {
    const text = await printed('report', file, '--format', format)
    assert.ok(text.includes(HOW), text)
  }
})

test('nothing is said about a recording without --tls, or of an older helper, which read nothing within TLS', async () => {
  for (const isOld of [false, true]) {
    const file = await recorded(undefined, { isOld })
    assert.doesNotMatch(said + (await printed('info', file)), /TLS|tls /)
    const { recording, backends } = await documentOf(file)
    assert.ok(!('tls' in recording[0]!))
    assert.deepEqual(new Set(backends.map(({ tls }) => tls)), new Set([false]))
  }
})

test('a recording that goes on has each way of reading once, with the newest costs', async () => {
  const file = await recorded(READING)
  await recorded({ ...READING, entry_ns: 700, return_ns: null }, { append: true })
  assert.deepEqual(await readingsOf(file), [{ ...READING, entry_ns: 700, return_ns: null }])
  const forced: TlsReading = {
    ...READING,
    forced: true,
    programs: [READ, { ...UNREAD, read: true, why: '' }],
  }
  await recorded(forced, { append: true })
  assert.deepEqual(await readingsOf(file), [{ ...READING, entry_ns: 700, return_ns: null }, forced])
  await recorded(undefined, { append: true })
  assert.equal((await readingsOf(file))?.length, 2)
  assert.match(
    await printed('info', file),
    /TLS read in \/usr\/sbin\/nginx, \/opt\/\\x1b\[2Jnginx: emulated and stepped probes, 0\.45 µs at an entry, 0\.48 µs at a return \(--tls=force\)/,
  )
})

test('a copy says the same, and one with pseudonyms names no program', async () => {
  const file = await recorded(READING)
  await printed('cut', file, '--out', `${file}.cut.db`)
  await printed('cut', file, '--out', `${file}.redacted.db`, '--redact', 'paths')
  await printed('repair', file, '--out', `${file}.repaired.db`)
  assert.deepEqual(await readingsOf(`${file}.cut.db`), [READING])
  assert.deepEqual(await readingsOf(`${file}.repaired.db`), [READING])
  assert.equal(await readingsOf(`${file}.redacted.db`), undefined)
})

test('where no nginx ran, that is said', async () => {
  await recorded({ ...READING, programs: [] })
  assert.match(said, /TLS is read, but no nginx ran when the recorder started/)
})

test('--tls is on or forced, and nothing else', async () => {
  for (const command of ['record', 'live', 'doctor']) {
    const { code, stderr } = await runCommand([
      command,
      '--tls=yes',
      ...(command === 'record' ? ['--out', 'x.db'] : []),
    ])
    assert.equal(code, 2)
    assert.match(stderr, /--tls "yes" is no way to read TLS\n\s+--tls, or --tls=force/)
  }
})
