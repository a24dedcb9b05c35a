/** `record --append` is one command line of a service for ever, whatever it finds under the name. */
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import Sqlite from 'better-sqlite3'
import type { Runs } from '../../src/frame/model/recording.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { UNFINISHED_ID } from '../../src/store/format/schema.ts'
import { moveAside } from '../../src/store/write/move-aside.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { runCommand, type Ran } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-append-'))
after(() => rmSync(folder, { recursive: true }))

const FIXTURES = join(import.meta.dirname, '../../fixtures/recordings/')
const bye: WireLine = { type: 'bye', reason: 'stdin closed' }
const capture = join(folder, 'capture.ndjson')
const lines = [hello, snapshot(0), backend, route(7, '/'), snapshot(1), snapshot(2, { final: true }), bye]
writeFileSync(capture, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

const append = (file: string, ...options: string[]): Promise<Ran> =>
  runCommand(['record', '--append', '--out', file, ...options, '--probe', `cat ${capture}`])

/** An empty folder of its own, and the recording in it. */
function place(name: string): { readonly file: string; readonly others: () => string[] } {
  const path = mkdtempSync(join(folder, `${name.replaceAll(/\W/g, '-')}-`))
  return { file: join(path, 'x.db'), others: () => readdirSync(path).filter((found) => found !== 'x.db') }
}

function ticksOf(file: string): number {
  const recording = openRecording(file)
  recording.close()
  return recording.ticks.length
}

/** A recording of this host with two ticks. */
async function recorded(file: string): Promise<void> {
  assert.equal((await append(file)).code, 0)
}

const sql = (file: string, words: string): void => {
  const database = new Sqlite(file)
  database.exec(words)
  database.close()
}

const overwrite = (file: string, at: number, length: number): void => {
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(0x5a, at, at + length))
}

test('a recording is begun where there is none, and continued where there is one', async () => {
  const { file, others } = place('new')
  for (const ticks of [2, 4]) {
    const { code, stderr } = await append(file)
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^recording lo to/)
    assert.equal(ticksOf(file), ticks)
  }
  assert.deepEqual(others(), [])
})

const OBSTACLES: Readonly<Record<string, readonly [string, RegExp, (file: string) => void]>> = {
  'is empty': ['damaged', /is empty/, (file) => truncateSync(file, 0)],
  'is of zeros': ['damaged', /torn/, (file) => writeFileSync(file, Buffer.alloc(40_000))],
  'has the first bytes alone': ['damaged', /torn/, (file) => truncateSync(file, 60)],
  'has half a page': ['damaged', /cut off in its first page/, (file) => truncateSync(file, 2000)],
  'has one page': ['damaged', /is damaged/, (file) => truncateSync(file, 4096)],
  'was cut off': ['damaged', /is damaged/, (file) => truncateSync(file, statSync(file).size - 8192)],
  'has a page of garbage': ['damaged', /is damaged/, (file) => overwrite(file, 5 * 4096, 4096)],
  'has a damaged schema': ['damaged', /is damaged/, (file) => overwrite(file, 100, 3000)],
  'has a trigger': [
    'damaged',
    /is damaged/,
    (file) => sql(file, 'CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT 1; END'),
  ],
  'was never begun': ['damaged', /never begun/, (file) => sql(file, 'PRAGMA user_version = 0')],
  'was never finished': [
    'damaged',
    /never finished/,
    (file) => sql(file, `PRAGMA application_id = ${UNFINISHED_ID}`),
  ],
  'lies beside a journal': ['damaged', /middle of a change/, (file) => writeFileSync(`${file}-journal`, 'j')],
  'is gone but for its -wal': [
    'damaged',
    /is gone/,
    (file) => {
      rmSync(file)
      writeFileSync(`${file}-wal`, 'w')
    },
  ],
  'is of an older format': [
    'format-1',
    /of format 1/,
    (file) => copyFileSync(`${FIXTURES}format-1.db`, file),
  ],
  'is of a newer format': ['format-99', /of format 99/, (file) => copyFileSync(`${FIXTURES}newer.db`, file)],
  'has a column that must be filled': [
    'format-2',
    /cannot fill: "marker.x"/,
    (file) =>
      sql(
        file,
        'DROP TABLE marker; CREATE TABLE marker (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, x TEXT NOT NULL) STRICT',
      ),
  ],
  'is of another host': [
    'host-.._etc_web',
    /was recorded on "..\/etc web"/,
    (file) => sql(file, "UPDATE meta SET value = '../etc web' WHERE key = 'host'"),
  ],
}

for (const [what, [label, why, spoil]] of Object.entries(OBSTACLES)) {
  test(`what ${what} is moved aside, that is said, and a recording begun`, async () => {
    const { file, others } = place(what)
    await recorded(file)
    spoil(file)
    const before = existsSync(file) ? readFileSync(file) : null
    const { code, stderr } = await append(file)
    assert.equal(code, 0, stderr)
    assert.match(stderr, why)
    const [, to = ''] = /it is now "(.*)"/.exec(stderr) ?? []
    assert.match(to.slice(file.length), new RegExp(`^\\.${label}-\\d{8}T\\d{6}Z$`))
    if (before !== null) assert.deepEqual(readFileSync(to), before)
    assert.ok(
      others().every((name) => name.startsWith(basename(to))),
      others().join(),
    )
    assert.equal(ticksOf(file), 2)
    await recorded(file)
    assert.equal(ticksOf(file), 4)
  })
}

for (const [what, content] of [
  ['a text', 'dear diary\n'],
  ['a foreign database', readFileSync(`${FIXTURES}foreign.db`)],
  ['a zip', readFileSync(`${FIXTURES}zipped.db.gz`)],
] as const) {
  test(`${what} is no recording to append to: exit 2, and it stays as it is`, async () => {
    const { file, others } = place(what)
    writeFileSync(file, content)
    const { code, stderr } = await append(file)
    assert.equal(code, 2, stderr)
    assert.deepEqual(readFileSync(file), Buffer.from(content))
    assert.deepEqual(others(), [])
  })
}

test('five that were moved aside for any reason are kept, with what lies beside them, and the oldest removed', () => {
  const { file, others } = place('five')
  const at = (second: number): Date => new Date(Date.UTC(2026, 10, 28, 9, 35, second))
  const labels = ['damaged', 'format-1', 'host-web1', 'format-99', 'damaged', 'host-a-b', 'format-1']
  for (const [i, label] of labels.entries()) {
    writeFileSync(file, label)
    writeFileSync(`${file}-wal`, 'w')
    const to = moveAside(file, { label, why: '' }, at(i))
    assert.equal(to, `${file}.${label}-20261128T09350${i}Z`)
    assert.equal(readFileSync(`${to}-wal`, 'utf8'), 'w')
  }
  writeFileSync(`${file}.damaged-notes.txt`, 'of the user')
  const kept = labels.map((label, i) => `x.db.${label}-20261128T09350${i}Z`).slice(2)
  assert.deepEqual(
    others().sort(),
    ['x.db.damaged-notes.txt', ...kept, ...kept.map((name) => `${name}-wal`)].sort(),
  )
})

test('a long name is cut where it would not fit with what is added', () => {
  const { file } = place('long')
  const long = file.replace('x.db', 'n'.repeat(240))
  writeFileSync(long, '')
  const to = moveAside(long, { label: 'damaged', why: 'is empty' }, new Date())
  assert.ok(existsSync(to))
})

test('a link is followed to a recording that is not there yet, but not in circles', async () => {
  const { file, others } = place('link')
  symlinkSync('real.db', file)
  await recorded(file)
  await recorded(file)
  assert.equal(ticksOf(file.replace('x.db', 'real.db')), 4)
  assert.deepEqual(others(), ['real.db'])
  const circle = file.replace('x.db', 'circle.db')
  symlinkSync('circle.db', circle)
  const { code, stderr } = await append(circle)
  assert.deepEqual([code, stderr.includes('leads to itself')], [2, true], stderr)
})

test('every run’s command line is kept and shown, and it is said where one does something else', async () => {
  const { file } = place('options')
  await recorded(file)
  const same = await append(file)
  assert.doesNotMatch(same.stderr, /other options/)
  const raw = await append(file, '--routes-as', 'raw')
  assert.equal(raw.code, 0, raw.stderr)
  assert.match(
    raw.stderr,
    /goes on with other options: before "record --append --out .*now ".*--routes-as raw/,
  )
  assert.doesNotMatch((await append(file, '--routes-as', 'raw')).stderr, /other options/)
  const { stdout } = await runCommand(['info', file])
  const shown = stdout.split('\n').filter((line) => /^(command|marker) /.test(line))
  assert.equal(shown.length, 3, stdout)
  assert.match(shown[0]!, /^command +record --append --out \S+ --probe .* \(2 times\)$/)
  assert.match(shown[1]!, /^command .* --routes-as raw .* \(2 times\)$/)
  assert.match(shown[2]!, /^marker .* note: other options from here: record .* --routes-as raw/)
  const json = await runCommand(['info', file, '--format', 'json'])
  const { recording } = JSON.parse(json.stdout) as { recording: { arguments: string[]; runs: Runs[] } }
  assert.deepEqual(
    recording.runs.map(({ arguments: words, count }) => [words.includes('raw'), count]),
    [
      [false, 2],
      [true, 2],
    ],
  )
  assert.deepEqual(recording.arguments, recording.runs[0]!.arguments)
  const copy = file.replace('x.db', 'copy.db')
  await runCommand(['cut', file, '-o', copy])
  const copied = openRecording(copy)
  copied.close()
  assert.deepEqual(copied.info.runs, recording.runs)
})
