/** What packets carry, in every output: a bad pod behind a ClusterIP shows. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import Sqlite from 'better-sqlite3'
import type { BackendEntity, ReportDocument } from '../../src/report/document/document.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { sql } from '../report/duckdb.ts'
import { CLUSTER_IP, PODS } from '../torture/sample.ts'
import { runCommand } from './run-command.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/recordings')
const FILE = join(FIXTURES, 'format-2.db')
const OLD = join(FIXTURES, 'format-1.db')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-wire-'))
after(() => rmSync(folder, { recursive: true }))

const printed = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand(args)
  assert.equal(code, 0, stderr)
  return stdout
}
const documentOf = async (...args: string[]): Promise<ReportDocument> =>
  JSON.parse(await printed('report', ...args, '--format', 'json')) as ReportDocument
const failuresOf = ({ failures }: BackendEntity): number =>
  Object.values({ ...failures }).reduce<number>((sum, count) => sum + (count ?? 0), 0)

interface Row {
  readonly backend: string
  readonly wire: string | null
  readonly connects: number
  readonly requests: number
  readonly failures: number
}
const rowsOf = async (...args: string[]): Promise<Row[]> =>
  (await printed('report', ...args, '--by', 'wire', '--format', 'ndjson'))
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)

test('JSON lists what packets carry: sorted by requests, and it adds up to the row', async () => {
  const { backends, recording } = await documentOf(FILE)
  assert.equal(recording[0]!.format, 2)
  const [cluster, others] = [
    backends.find(({ backend: address }) => address === CLUSTER_IP)!,
    backends.filter(({ backend: address }) => address !== CLUSTER_IP),
  ]
  assert.ok(others.length > 0 && others.every(({ wire }) => wire?.length === 0))
  assert.deepEqual(
    cluster.wire!.map(({ address }) => address),
    [PODS[0].address, CLUSTER_IP, PODS[1].address],
  )
  const sum = (of: 'connects' | 'requests' | 'failures'): number =>
    cluster.wire!.reduce((all, wire) => all + wire[of], 0)
  assert.deepEqual(
    [sum('connects'), sum('requests'), sum('failures')],
    [cluster.connects, cluster.requests, failuresOf(cluster)],
  )
  const bad = cluster.wire!.at(-1)!
  assert.ok(bad.failures > 5 && bad.failures === failuresOf(cluster))
  const database = new Sqlite(FILE, { readonly: true })
  const stored = database.prepare(
    'SELECT address, sum(connects) connects, sum(requests) requests, sum(failures) failures FROM wire_traffic JOIN wire ON wire.id = wire GROUP BY 1 ORDER BY 1',
  )
  assert.deepEqual(
    stored.all(),
    cluster
      .wire!.filter(({ address }) => address !== CLUSTER_IP)
      .toSorted((a, b) => (a.address < b.address ? -1 : 1)),
  )
  database.close()
})

test('a recording of format 1 does not know it: null in JSON, one line with null by wire', async () => {
  const { backends } = await documentOf(OLD)
  assert.ok(backends.length > 0 && backends.every(({ wire }) => wire === null))
  const rows = await rowsOf(OLD)
  assert.deepEqual(
    rows.map(({ backend: address, wire, requests }) => [address, wire, requests]),
    backends.map(({ backend: address, requests }) => [address, null, requests]),
  )
})

test('--by wire has a line per backend and address, the same in NDJSON, CSV, text, Markdown and HTML', async () => {
  const { backends } = await documentOf(FILE)
  const rows = await rowsOf(FILE)
  const expected = backends
    .flatMap((entity) =>
      entity.wire!.length > 0
        ? entity.wire!.map(({ address, ...counts }) => ({
            backend: entity.backend,
            wire: address,
            ...counts,
          }))
        : [
            {
              backend: entity.backend,
              wire: entity.backend,
              connects: entity.connects,
              requests: entity.requests,
              failures: failuresOf(entity),
            },
          ],
    )
    .sort((a, b) => b.requests - a.requests)
  const picked = ({ backend: address, wire, connects, requests, failures }: Row): Row => ({
    backend: address,
    wire,
    connects,
    requests,
    failures,
  })
  assert.deepEqual(rows.map(picked), expected.map(picked))
  const [head = '', ...lines] = (await printed('report', FILE, '--by', 'wire', '--format', 'csv'))
    .trimEnd()
    .split('\n')
  assert.equal(head, 'backend,name,wire,share,protocol,names,connects,requests,rps,failures')
  assert.deepEqual(
    lines.map((line) => line.split(',')[2]),
    expected.map(({ wire }) => wire),
  )
  for (const format of ['text', 'md', 'html']) {
    const text = await printed('report', FILE, '--by', 'wire', '--format', format)
    for (const { wire } of expected) assert.ok(text.includes(wire), `${wire} in ${format}`)
    assert.ok(format === 'html' || !text.includes('undefined'))
  }
  const usual = await printed('report', FILE)
  assert.ok(usual.includes('What packets carry') && usual.includes(PODS[1].address))
  assert.ok(!(await printed('report', OLD)).includes('What packets carry'))
})

test('--where, --sort and --top work as with other lines', async () => {
  assert.deepEqual(
    (await rowsOf(FILE, '--where', `backend = '${CLUSTER_IP}'`, '--where', 'failures > 0')).map(
      ({ wire }) => wire,
    ),
    [PODS[1].address],
  )
  assert.equal((await rowsOf(FILE, '--sort', 'failures', '--top', '1'))[0]!.wire, PODS[1].address)
  assert.equal((await rowsOf(FILE, '--sort', 'connects', '--top', '2')).length, 2)
})

for (const [args, words] of [
  [['--where', 'p99 > 1ms'], /"p99" is not kept by wire address/],
  [['--where', '5xx > 1'], /"5xx" is not kept/],
  [['--where', 'failures > 1%'], /"failures in %" is not kept/],
  [['--where', "route = '/checkout'"], /not kept by route and wire address/],
  [['--where', "method != 'GET'"], /not kept by route and wire address/],
  [['--sort', 'p99'], /--sort: "p99" is not kept/],
] as const) {
  test(`--by wire ${args.join(' ')} is a usage error`, async () => {
    const { code, stderr } = await runCommand(['report', FILE, '--by', 'wire', ...args])
    assert.equal(code, 2, stderr)
    assert.match(stderr, words)
  })
}

test('of some routes of a backend it is unknown', async () => {
  const { backends } = await documentOf(FILE, '--where', "route = '/checkout'")
  assert.ok(backends.length > 0 && backends.every(({ wire }) => wire === null))
})

test('the page of a backend names its addresses', async () => {
  const text = await printed('report', FILE, '--format', 'json', '--where', `backend = ${CLUSTER_IP}`)
  assert.ok(text.includes(PODS[0].address))
})

test('Parquet has a table of wires, and ticks say whether they know', async () => {
  const lake = join(folder, 'lake')
  await printed('report', FILE, '--parquet', lake)
  const rows = await sql(
    `SELECT wire, sum(connects)::int connects, sum(requests)::int requests, sum(failures)::int failures FROM read_parquet('${lake}/wires/**/*.parquet') GROUP BY 1 ORDER BY 1`,
  )
  const { backends } = await documentOf(FILE)
  const { wire } = backends.find(({ backend: address }) => address === CLUSTER_IP)!
  assert.deepEqual(
    rows.map(({ wire: address, connects, requests, failures }) => ({
      address,
      connects,
      requests,
      failures,
    })),
    wire!
      .filter(({ address }) => address !== CLUSTER_IP)
      .toSorted((a, b) => (a.address < b.address ? -1 : 1)),
  )
  const old = join(folder, 'old')
  await printed('report', OLD, '--parquet', old)
  assert.ok(!existsSync(join(old, 'wires')))
  for (const [path, known] of [
    [lake, 90],
    [old, 0],
  ] as const) {
    const [row] = await sql(
      `SELECT count(wires)::int AS known FROM read_parquet('${path}/ticks/**/*.parquet')`,
    )
    assert.equal(row!.known, known)
  }
})

test('diff says that the two have addresses of different meaning, and says nothing where they have the same', async () => {
  const { notes } = JSON.parse(await printed('diff', OLD, FILE, '--format', 'json')) as { notes: string[] }
  assert.equal(notes.length, 1)
  assert.match(notes[0]!, /format-1\.db" has what packets carried.*format-2\.db" has what was connected to/)
  for (const format of ['text', 'md'])
    assert.match(await printed('diff', FILE, OLD, '--format', format), /addresses differ in meaning/)
  for (const [a, b] of [
    [OLD, join(FIXTURES, 'whole.db')],
    [FILE, FILE],
  ] as const) {
    const same = JSON.parse(await printed('diff', a, b, '--format', 'json')) as { notes: string[] }
    assert.deepEqual(same.notes, [])
    assert.ok(!(await printed('diff', a, b)).includes('differ in meaning'))
  }
})

test('a report over format 1 says whose addresses they are, and one over both kinds that they differ', async () => {
  assert.match(await printed('report', OLD), /format-1\.db: its addresses are those that packets carried/)
  assert.ok(!(await printed('report', FILE)).includes('that packets carried'))
  // Recordings of one host must not overlap.
  const other = join(folder, 'other-host.db')
  copyFileSync(FILE, other)
  const database = new Sqlite(other)
  database.exec("UPDATE meta SET value = 'web2' WHERE key = 'host'")
  database.close()
  assert.match(await printed('report', OLD, other), /the addresses differ in meaning/)
  const { notes, backends } = await documentOf(OLD, other)
  assert.equal(notes?.length, 1)
  assert.ok(backends.every(({ wire }) => wire === null))
  assert.equal((await documentOf(OLD)).notes, undefined)
})

test('two recordings of format 2 are added by address', async () => {
  const other = join(folder, 'web2.db')
  copyFileSync(FILE, other)
  const database = new Sqlite(other)
  database.exec("UPDATE meta SET value = 'web2' WHERE key = 'host'")
  database.close()
  const wireOf = async (...files: string[]): Promise<BackendEntity['wire']> =>
    (await documentOf(...files)).backends.find(({ backend: address }) => address === CLUSTER_IP)!.wire
  const one = await wireOf(FILE)
  assert.deepEqual(
    await wireOf(FILE, other),
    one!.map(({ address, connects, requests, failures }) => ({
      address,
      connects: 2 * connects,
      requests: 2 * requests,
      failures: 2 * failures,
    })),
  )
})

test('info and check count the tables', async () => {
  const { recording } = JSON.parse(await printed('info', FILE, '--format', 'json')) as {
    recording: { tables: Record<string, number> }
  }
  assert.equal(recording.tables.wire, 2)
  assert.ok(recording.tables.wire_traffic! >= 90 && recording.tables.minute_wire_traffic! > 2)
  assert.match(await printed('check', FILE), /whole/)
})

/* ---- record ---- */

const lines = (from: number): WireLine[] => [
  { ...hello, host: 'web1' } as WireLine,
  snapshot(from, { wires: [] }),
  backend,
  route(7, '/'),
  { type: 'wire', id: 3, backend: 1, address: '10.244.1.7:8080' },
  snapshot(from + 1, {
    traffic: [[7, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, '900', 9, '900', 0, [200, 9], [], []]],
    connections: [[1, 2, 0, 0, 0, 0, '20', []]],
    wires: [[3, 2, 7, 0]],
    final: true,
  }),
  { type: 'bye', reason: 'stdin closed' },
]

function captured(name: string, from: number): string {
  const file = join(folder, name)
  writeFileSync(
    file,
    lines(from)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  )
  return file
}

test('what the helper says of wires is in the recording', async () => {
  const file = join(folder, 'recorded.db')
  await printed('record', '--out', file, '--probe', `cat ${captured('a.ndjson', 0)}`)
  const { backends } = await documentOf(file)
  assert.deepEqual(backends[0]!.wire, [
    { address: '10.244.1.7:8080', connects: 2, requests: 7, failures: 0 },
    { address: '10.0.1.10:8080', connects: 0, requests: 2, failures: 0 },
  ])
})

test('record --append moves a recording of format 1 aside, says so, and begins a new one', async () => {
  const file = join(folder, 'service.db')
  copyFileSync(OLD, file)
  const append = ['record', '--append', '--out', file, '--probe', `cat ${captured('b.ndjson', 100)}`]
  const { code, stderr } = await runCommand(append)
  assert.equal(code, 0, stderr)
  const aside = readdirSync(folder).filter((name) => name.startsWith('service.db.'))
  assert.equal(aside.length, 1)
  assert.match(aside[0]!, /^service\.db\.format-1-\d{8}T\d{6}Z$/)
  assert.ok(
    stderr.includes(
      `"${file}" is of format 1 and cannot be continued: it is now "${file}${aside[0]!.slice('service.db'.length)}"`,
    ),
    stderr,
  )
  const [moved, begun] = [openRecording(join(folder, aside[0]!)), openRecording(file)]
  assert.deepEqual([moved.info.format, moved.ticks.length], [1, 90])
  assert.deepEqual([begun.info.format, begun.ticks.length], [2, 1])
  moved.close()
  begun.close()
  await runCommand(append)
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('service.db.')).length, 1)
  assert.equal((await documentOf(file)).recording[0]!.ticks, 2)
})
