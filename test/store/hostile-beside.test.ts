/** Hostile side files of a recording (-wal, -shm, -journal) do not change what is read, and no other file is touched. */
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
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { wallMicros } from '../../src/frame/model/units.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { markRecording } from '../../src/store/write/mark.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'
import { silent, withFolder } from '../torture/kit.ts'
import { writeSample } from '../torture/sample.ts'
import { columnsOf, note, readAll, refused, SAMPLE } from './hostile-kit.ts'
import { inFolder, META } from './support.ts'

/** Creates a hot journal that names a victim, which SQLite would delete (sqlite.org/fileformat2.html, section 3). */
function createHotJournal(file: string, victim: string | null): void {
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

test('a journal that names another file is not rolled back, and that file is kept', async () => {
  await withFolder(async (folder) => {
    const file = (name: string): string => folder.file(name)
    const [recording, victim] = [file('x.db'), file('victim')]
    writeSample(recording, SAMPLE)
    writeFileSync(victim, 'mine')
    createHotJournal(recording, victim)
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

/** Another process puts views into the -wal and holds the -shm. @returns a function that ends it */
function holdForeignWal(file: string): () => void {
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

test('with a held -shm and another schema in the -wal, rows are read from the pages', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const release = holdForeignWal(file)
    try {
      const { damage } = readAll(file)
      assert.match(damage.join(), /"tick" in its schema \(a view\) is not ours/)
      assert.throws(() => markRecording(file, note), refused(5, /is damaged/))
    } finally {
      release()
    }
  })
})

test('a schema that changes during reading is checked before SQLite uses it', () => {
  inFolder((folder) => {
    for (const follow of [false, true]) {
      const file = join(folder, `${follow}.db`)
      writeSample(file, SAMPLE)
      const recording = openRecording(file, { follow })
      const release = holdForeignWal(file)
      try {
        assert.ok(recording.frame(3) !== null || recording.damage.length > 0)
        recording.refresh()
        const kinds = recording.inspect(({ database }) =>
          database.prepare("SELECT type FROM sqlite_schema WHERE name = 'tick'").pluck().all(),
        )
        assert.deepEqual(kinds, ['table'])
      } finally {
        recording.close()
        release()
      }
    }
  })
})

test('a -wal with a far page number costs only its own size', () => {
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

/** A -wal with one transaction (sqlite.org/fileformat2.html, section 4). */
function walOf(...frames: readonly (readonly [content: Buffer, page: number])[]): Buffer {
  let [a, b] = [0, 0]
  const numbers = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length)
    values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, 4 * i))
    return bytes
  }
  const withChecksum = (bytes: Buffer): Buffer => {
    for (let at = 0; at < bytes.length; at += 8) {
      a = (a + bytes.readInt32BE(at) + b) | 0
      b = (b + bytes.readInt32BE(at + 4) + a) | 0
    }
    return numbers(a, b)
  }
  const head = numbers(0x377f0683, 3007000, 4096, 0, 1, 2)
  const parts = [head, withChecksum(head)]
  frames.forEach(([content, page], i) => {
    const start = numbers(page, i === frames.length - 1 ? page : 0)
    withChecksum(start)
    parts.push(start, numbers(1, 2), withChecksum(content), content)
  })
  return Buffer.concat(parts)
}

test('if a path is a link, the journal of the target counts', () => {
  inFolder((folder) => {
    const [recording, victim, link] = ['x.db', 'victim', 'link.db'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    writeSample(recording, SAMPLE)
    writeFileSync(victim, 'mine')
    createHotJournal(recording, victim)
    symlinkSync(recording, link)
    assert.equal(readAll(link).ticks, 70)
    assert.throws(() => appendRecording(link, META), refused(2, /-journal/))
    assert.equal(readFileSync(victim, 'utf8'), 'mine')
  })
})

for (const ending of ['-journal', '-wal', '-shm']) {
  test(`a ${ending} that is a link, a folder or a pipe is not touched`, () => {
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

test('a -wal beside a finished file is ignored', async () => {
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

test('a new recording is refused if side files of another one exist', () => {
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
