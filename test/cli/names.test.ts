/** Names of backends, from the helper's lines through the file to every output. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import Sqlite from 'better-sqlite3'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { AWKWARD, RENAMED, textOf } from '../record/named-lines.ts'
import { sql } from '../report/duckdb.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-names-'))
after(() => rmSync(folder, { recursive: true }))
const capture = join(folder, 'lines')
const FILE = join(folder, 'named.db')

const printed = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand(args)
  assert.equal(code, 0, stderr)
  return stdout
}
const record = (file: string, ...options: string[]): Promise<string> =>
  printed('record', '--quiet', '--out', file, ...options, '--probe', `cat ${capture}`)

before(async () => {
  writeFileSync(capture, textOf(RENAMED))
  await record(FILE)
})

const documentOf = async (...args: string[]): Promise<ReportDocument> =>
  JSON.parse(await printed('report', ...args, '--format', 'json')) as ReportDocument
const namesIn = ({ backends }: ReportDocument): unknown =>
  backends.map(({ backend, name, names, requests }) => [backend, name, names, requests])

const ALL = [
  ['10.0.1.13:8080', null, null, 240],
  ['10.0.1.12:8080', null, [], 180],
  ['10.0.1.10:8080', 'api, web, "old"', AWKWARD, 60],
  ['10.0.1.11:8080', 'api', ['api'], 60],
  ['10.0.1.11:8080', 'shop', ['shop'], 60],
]

test('a changed name is a new row of the dimension, and the list comes back exactly; unknown is no list', async () => {
  const database = new Sqlite(FILE, { readonly: true })
  for (const table of ['backend', 'backend_copy'])
    assert.deepEqual(database.prepare(`SELECT address, name, names FROM ${table} ORDER BY id`).raw().all(), [
      ['10.0.1.10:8080', 'api, web, "old"', JSON.stringify(AWKWARD)],
      ['10.0.1.11:8080', 'api', '["api"]'],
      ['10.0.1.12:8080', null, '[]'],
      ['10.0.1.13:8080', null, null],
      ['10.0.1.11:8080', 'shop', '["shop"]'],
    ])
  database.close()
  assert.deepEqual(namesIn(await documentOf(FILE)), ALL)
  assert.match(await printed('check', FILE), /whole/)
})

test('--where upstream selects rows whose list has the name', async () => {
  const selected = async (where: string): Promise<unknown> =>
    (await documentOf(FILE, '--where', where)).backends.map(({ name, requests }) => [name, requests])
  assert.deepEqual(await selected("upstream = 'api'"), [
    ['api, web, "old"', 60],
    ['api', 60],
  ])
  assert.deepEqual(await selected(`upstream = 'web, "old"'`), [['api, web, "old"', 60]])
  assert.deepEqual(await selected("upstream ~ '^sh'"), [['shop', 60]])
  assert.deepEqual(await selected("upstream != 'api' and not upstream = shop"), [
    [null, 240],
    [null, 180],
  ])
  assert.deepEqual(await selected("upstream !~ '.'"), [
    [null, 240],
    [null, 180],
  ])
  const wrong = await runCommand(['report', FILE, '--where', 'upstreem = api'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /did you mean "upstream"/)
})

test('--by upstream groups by the whole list, and the lines add up; what has no name, and what is not known, have lines of their own', async () => {
  const rows = (await printed('report', FILE, '--by', 'upstream', '--format', 'ndjson'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    rows.map(({ upstream, names, backends, requests, connects }) => [
      upstream,
      names,
      backends,
      requests,
      connects,
    ]),
    [
      [null, null, 1, 240, 24],
      [null, [], 1, 180, 18],
      ['api', ['api'], 1, 60, 6],
      ['api, web, "old"', AWKWARD, 1, 60, 6],
      ['shop', ['shop'], 1, 60, 6],
    ],
  )
  const { totals } = await documentOf(FILE)
  assert.equal(
    rows.reduce((sum, { requests }) => sum + (requests as number), 0),
    totals.requests,
  )
  const csv = (await printed('report', FILE, '--by', 'upstream', '--format', 'csv')).split('\n')
  assert.match(csv[0]!, /^upstream,backends,share,connects,opaque,protocol,open_connections,names,requests,/)
  assert.match(csv[1]!, /^,1,/)
  assert.match(csv[4]!, /^"api, web, ""old""",1,.*"\[""api"",""web, \\""old\\""""\]",60,/)
  for (const format of ['text', 'md', 'html']) {
    const text = await printed('report', FILE, '--by', 'upstream', '--format', format)
    for (const word of ['UPSTREAM', '(no name)', '(names unknown)', 'shop'])
      assert.ok(text.includes(word), `${word} in ${format}`)
  }
  const named = await printed(
    'report',
    FILE,
    '--by',
    'upstream',
    '--where',
    "upstream = 'api'",
    '--sort',
    'name',
    '--format',
    'csv',
  )
  assert.equal(named.trimEnd().split('\n').length, 3)
})

test('text, Markdown and HTML show name and address; CSV, NDJSON and requests have both, too', async () => {
  for (const format of ['text', 'md', 'html']) {
    const text = await printed('report', FILE, '--format', format)
    for (const label of ['api · 10.0.1.11:8080', 'shop · 10.0.1.11:8080', '10.0.1.12:8080'])
      assert.ok(text.includes(label), `${label} in ${format}`)
  }
  const routes = (await printed('report', FILE, '--by', 'route', '--format', 'ndjson')).trimEnd().split('\n')
  assert.deepEqual(
    routes
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .map(({ backend, route, name, names }) => [backend, route, name, names]),
    ALL.map(([backend, name, names]) => [backend, '/orders', name, names]),
  )
  const requests = (await printed('requests', FILE, '--format', 'ndjson', '--where', "upstream = 'shop'"))
    .trimEnd()
    .split('\n')
  assert.equal(requests.length, 3)
  const { name, names } = JSON.parse(requests[0]!) as Record<string, unknown>
  assert.deepEqual([name, names], ['shop', ['shop']])
  assert.match(await printed('requests', FILE, '--where', "upstream = 'shop'"), /shop · 10\.0\.1\.11:8080/)
  const frames = (await printed('replay', FILE, '--print', '--json')).trimEnd().split('\n')
  const last = JSON.parse(frames.at(-1)!) as { backends: { name: string | null; names: unknown }[] }
  assert.ok(last.backends.some((line) => line.name === 'shop' && JSON.stringify(line.names) === '["shop"]'))
})

test('Parquet has name and names in every table of rows', async () => {
  const lake = join(folder, 'lake')
  await printed('report', FILE, '--parquet', lake)
  for (const table of ['traffic', 'connections', 'requests']) {
    const from = `FROM read_parquet('${lake}/${table}/**/*.parquet')`
    const rows = await sql(`SELECT DISTINCT backend, name, to_json(names) AS names ${from} ORDER BY 1, 2`)
    assert.deepEqual(
      rows.map(({ backend, name, names }) => [backend, name, names]),
      [
        ['10.0.1.10:8080', 'api, web, "old"', JSON.stringify(AWKWARD)],
        ['10.0.1.11:8080', 'api', '["api"]'],
        ['10.0.1.11:8080', 'shop', '["shop"]'],
        ['10.0.1.12:8080', null, '[]'],
        ['10.0.1.13:8080', null, null],
      ],
    )
    const [row] = await sql(
      `SELECT count(DISTINCT backend)::int AS n ${from} WHERE list_contains(names, 'api')`,
    )
    assert.equal(row!.n, 2)
  }
})

test('gates measure upstreams; one that never occurs is nothing', async () => {
  assert.match(await printed('assert', FILE, "requests >= 120 and upstream = 'api'"), /120/)
  const none = await runCommand(['assert', FILE, "upstream = 'apj' and 5xx < 1"])
  assert.equal(none.code, 3)
  assert.match(none.stdout + none.stderr, /no upstream "apj" occurs in the recording; did you mean "api"/)
  assert.match(await printed('assert', FILE, 'requests(shop) = 60'), /60/)
})

test('diff compares an address with itself, whatever it is called, and lists names', async () => {
  const text = await printed('diff', FILE, '--base', '0%..50%', '--target', '50%..100%', '--format', 'json')
  const { backends } = JSON.parse(text) as {
    backends: { backend: string; name: string | null; names: unknown; presence: string }[]
  }
  assert.deepEqual(
    backends.map(({ backend, name, names, presence }) => [backend, name, names, presence]),
    [
      ['10.0.1.13:8080', null, null, 'both'],
      ['10.0.1.12:8080', null, [], 'both'],
      ['10.0.1.11:8080', 'shop', ['shop'], 'both'],
      ['10.0.1.10:8080', 'api, web, "old"', AWKWARD, 'both'],
    ],
  )
})

test('a cut keeps names, also by name; redaction covers them', async () => {
  const [cut, shop, hidden, addresses] = ['cut', 'shop', 'hidden', 'addresses'].map((name) =>
    join(folder, `${name}.db`),
  )
  await printed('cut', FILE, '-o', cut!)
  assert.deepEqual(namesIn(await documentOf(cut!)), ALL)
  await printed('cut', FILE, '--backend', 'shop', '-o', shop!)
  assert.deepEqual(namesIn(await documentOf(shop!)), [ALL.at(-1)])
  await printed('cut', FILE, '--redact', 'hosts', '-o', hidden!)
  assert.deepEqual(
    (await documentOf(hidden!)).backends.map(({ names }) => names),
    [null, [], ['name-1', 'name-2'], ['name-1'], ['name-3']],
  )
  await printed('cut', FILE, '--redact', 'ips', '-o', addresses!)
  assert.deepEqual(
    (await documentOf(addresses!)).backends.map(({ name }) => name),
    ALL.map(([, name]) => name),
  )
})

test('a recording without the column is gone on with: what was recorded before stays unknown', async () => {
  const file = join(folder, 'earlier.db')
  await record(file)
  const database = new Sqlite(file)
  for (const table of ['backend', 'backend_copy'])
    database.exec(`ALTER TABLE ${table} DROP COLUMN names; UPDATE ${table} SET name = NULL`)
  database.close()
  const unknown = (await documentOf(file)).backends.map(({ names }) => names)
  assert.deepEqual(unknown, [null, null, null, null])
  assert.match(await printed('check', file), /whole/)
  await record(file, '--append')
  assert.deepEqual(namesIn(await documentOf(file)), [
    // Where one part of a sum does not know, the sum does not.
    ['10.0.1.13:8080', null, null, 480],
    ['10.0.1.12:8080', null, null, 360],
    ['10.0.1.11:8080', null, null, 120],
    ['10.0.1.10:8080', null, null, 60],
    ['10.0.1.10:8080', 'api, web, "old"', AWKWARD, 60],
    ['10.0.1.11:8080', 'api', ['api'], 60],
    ['10.0.1.11:8080', 'shop', ['shop'], 60],
  ])
  assert.match(await printed('check', file), /whole/)
})

test('several hosts are added by address and names', async () => {
  const other = join(folder, 'other.db')
  await record(other)
  const database = new Sqlite(other)
  database.exec("UPDATE meta SET value = 'web2' WHERE key = 'host'")
  database.close()
  assert.deepEqual(
    namesIn(await documentOf(FILE, other)),
    ALL.map(([backend, name, names, requests]) => [backend, name, names, 2 * Number(requests)]),
  )
})

test('--name is the name of an address, in every form of it', async () => {
  const file = join(folder, 'labelled.db')
  await record(
    file,
    '--name',
    '10.0.1.13:8080=cart',
    '--name',
    '[::ffff:10.0.1.11]:8080=zoo',
    '--name',
    '10.0.1.11:08080=mine',
  )
  assert.deepEqual(
    (await documentOf(file)).backends.map(({ backend, name }) => [backend, name]),
    [
      ['10.0.1.13:8080', 'cart'],
      ['10.0.1.12:8080', null],
      ['10.0.1.11:8080', 'mine, zoo'],
      ['10.0.1.10:8080', 'api, web, "old"'],
    ],
  )
  const live = await runCommand([
    'live',
    '--plain',
    '--name',
    '10.0.1.13:8080=cart',
    '--probe',
    `cat ${capture}`,
  ])
  assert.match(live.stdout, /cart · 10\.0\.1\.13:8080/)
})

for (const [value, words] of [
  ['10.0.1.10:8080', /--name "10\.0\.1\.10:8080" is not IP:PORT=LABEL/],
  ['10.0.1.10:8080=', /is not IP:PORT=LABEL/],
  ['api=10.0.1.10:8080', /"api=10\.0\.1\.10:8080" does not begin with IP:PORT/],
  ['backend.local:80=api', /does not begin with IP:PORT/],
  ['fd00::1:80=api', /does not begin with IP:PORT \(IPv6 in brackets\)/],
  ['10.0.1.10:0=api', /does not begin with IP:PORT/],
  ['10.0.1.10:65536=api', /does not begin with IP:PORT/],
  ['[fe80::1%eth0]:80=api', /does not begin with IP:PORT/],
  ['10.0.1.10:80=a\u0007b', /control character/],
] as const)
  test(`--name ${JSON.stringify(value)} is wrong use`, async () => {
    for (const command of [['live'], ['record', '--out', join(folder, 'never.db')]]) {
      const { code, stderr } = await runCommand([...command, '--name', value, '--probe', 'true'])
      assert.equal(code, 2)
      assert.match(stderr, words)
      assert.match(stderr, /for example --name 10\.0\.1\.10:8080=api/)
    }
  })

test('requests tells the same address in two network namespaces apart, in every format', async () => {
  const [first, ...rest] = RENAMED
  const lines = rest.map((line) =>
    line.type === 'backend' && line.id === 3 ? { ...line, address: '10.0.1.13:8080', netns: 5 } : line,
  )
  writeFileSync(
    capture,
    textOf([first!, { type: 'namespace', id: 5, names: ['web'], cgroup: '', host: false }, ...lines]),
  )
  const file = join(folder, 'spaces.db')
  await record(file)
  const text = await printed('requests', file)
  assert.match(text, / 10\.0\.1\.13:8080%web +GET /)
  assert.match(text, / 10\.0\.1\.13:8080%4026531840 +GET /)
  const csv = (await printed('requests', file, '--format', 'csv')).split('\n')
  assert.match(csv[0]!, /,name,names,netns,namespace\r?$/)
  assert.ok(csv.some((row) => /,5,web\r?$/.test(row)))
  assert.match(await printed('requests', file, '--format', 'ndjson'), /"netns":5,"namespace":"web"}/)
})
