import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../../src/errors.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { appendRecording, createRecording } from '../../../src/store/write/writer.ts'
import { sampleFrames, writeSample } from '../../torture/sample.ts'
import { Child } from '../../torture/child.ts'
import { unreadableByNobody } from '../../unprivileged.ts'
import { inFolder, META } from '../support.ts'

const refuses = (file: string, exitCode: number, words: RegExp): void => {
  assert.throws(
    () => openRecording(file),
    (error: unknown) =>
      error instanceof UserError &&
      error.exitCode === exitCode &&
      words.test(`${error.message} ${error.remedy ?? ''}`),
  )
}

test('a file that is no recording is refused with an error', () => {
  inFolder((folder) => {
    const at = (name: string): string => join(folder, name)
    writeFileSync(at('empty.db'), '')
    writeFileSync(at('text.db'), 'GET / HTTP/1.1\r\n'.repeat(20))
    new Sqlite(at('other.db')).exec('CREATE TABLE t (a)').close()
    writeFileSync(at('broken.db.gz'), gzipSync('x'.repeat(50)).subarray(0, 20))
    refuses(at('missing.db'), 2, /no file/)
    refuses(folder, 2, /folder/)
    refuses(at('empty.db'), 5, /empty/)
    refuses(at('text.db'), 5, /not a SQLite file/)
    refuses(at('other.db'), 5, /another program/)
    refuses(at('broken.db.gz'), 5, /unzipped/)
  })
})

test('a recording of a newer format names the version that reads it', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { secs: 3 })
    const database = new Sqlite(file)
    database.pragma('user_version = 3')
    database.exec("UPDATE meta SET value = 'upstreamtop 0.9.0' WHERE key = 'readable_by'")
    database.close()
    refuses(file, 5, /format 3.*upstreamtop 0\.9\.0/)
  })
})

test('columns and tables of a later version are ignored', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const frames = writeSample(file, { secs: 70 })
    const database = new Sqlite(file)
    for (const table of ['tick', 'traffic', 'minute', 'minute_traffic', 'route', 'backend', 'marker']) {
      database.exec(`ALTER TABLE ${table} ADD COLUMN later INTEGER NOT NULL DEFAULT 7`)
    }
    database.exec('CREATE TABLE later (a) STRICT'.replace('(a)', '(a INTEGER)'))
    database.close()
    const recording = openRecording(file)
    assert.ok(frames.every(({ seq }) => recording.frame(seq) !== null))
    assert.equal(recording.aggregate({ from: 0, to: 70 }).ticks, 70)
    recording.close()
  })
})

test('a gzipped recording can be opened', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { secs: 5 })
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file)))
    const recording = openRecording(`${file}.gz`)
    assert.equal(recording.ticks.length, 5)
    assert.deepEqual(recording.damage, [])
    recording.close()
  })
})

test('of a zip that is cut off, damaged, or has a tail, what inflates is read, and that is said', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { secs: 240 })
    const zip = gzipSync(readFileSync(file))
    const flipped = Buffer.from(zip)
    flipped.fill(0xff, Math.floor(zip.length * 0.95), Math.floor(zip.length * 0.95) + 400)
    const spoilt: Readonly<Record<string, readonly [Buffer, number]>> = {
      'cut off': [zip.subarray(0, Math.floor(zip.length * 0.9)), 20],
      'cut off in its trailer': [zip.subarray(0, -3), 240],
      flipped: [flipped, 20],
      'with a tail': [Buffer.concat([zip, Buffer.from('tail\n')]), 240],
      'with the beginning of another': [Buffer.concat([zip, zip.subarray(0, 12)]), 240],
    }
    for (const [what, [bytes, least]] of Object.entries(spoilt)) {
      writeFileSync(`${file}.gz`, bytes)
      const recording = openRecording(`${file}.gz`)
      assert.ok(recording.ticks.filter(({ seq }) => recording.frame(seq) !== null).length >= least, what)
      assert.match(recording.damage.join(), /its zip is not whole: \d+ bytes inflate/, what)
      recording.close()
    }
    writeFileSync(`${file}.gz`, zip.subarray(0, 30))
    refuses(`${file}.gz`, 5, /not a recording|cannot be unzipped/)
  })
})

test('a finished recording is one file with mode 0640 that needs no recovery', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { secs: 5 }, {})
    assert.deepEqual(readdirSync(folder), ['x.db'])
    assert.equal(statSync(file).mode & 0o777, 0o640)
    assert.equal(readFileSync(file)[18], 1)
  })
})

const skip = unreadableByNobody()

test(
  'an unprivileged user can open copies in a read-only folder, and no file is left there',
  { skip },
  async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'x.db')
      const child = new Child({ file, ticks: 1000, pause: 1, rps: 60 })
      await child.reached(30)
      await child.kill()
      const copies = join(folder, 'copies')
      mkdirSync(copies)
      copyFileSync(file, join(copies, 'lone.db'))
      for (const ending of ['', '-wal']) copyFileSync(file + ending, join(copies, `pair.db${ending}`))
      const before = readdirSync(copies)
      for (const name of before) chmodSync(join(copies, name), 0o444)
      chmodSync(copies, 0o555)
      chmodSync(folder, 0o755)
      for (const [name, least] of [
        ['lone.db', 20],
        ['pair.db', 30],
      ] as const) {
        const script = `import { openRecording } from '${new URL('../../../src/store/read/reader.ts', import.meta.url).href}'
        const recording = openRecording('${join(copies, name)}')
        console.log(recording.ticks.filter(({ seq }) => recording.frame(seq) !== null).length)
        recording.close()`
        // As nobody if the test runs as root: root can write anywhere.
        const as = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
        const said = execFileSync(
          process.execPath,
          ['--import', 'tsx', '--input-type=module', '-e', script],
          {
            ...as,
            env: { PATH: process.env.PATH, HOME: folder, TSX_DISABLE_CACHE: '1' },
          },
        )
        assert.ok(Number(said.toString()) >= least, said.toString())
      }
      assert.deepEqual(readdirSync(copies), before)
      chmodSync(copies, 0o755)
    })
  },
)

test('a file with an unfinished checkpoint is whole: the -wal has the pages that its header counts', () => {
  inFolder((folder) => {
    const [file, copy] = [join(folder, 'x.db'), join(folder, 'copy.db')]
    const recorder = createRecording(file, META)
    for (const frame of sampleFrames({ secs: 65, rps: 200 })) recorder.append(frame)
    const [content, wal] = [readFileSync(file), readFileSync(`${file}-wal`)]
    recorder.close()
    const pages = pagesAfter(wal)
    assert.ok(pages * 4096 > content.length)
    content.writeUInt32BE(pages, 28)
    writeFileSync(copy, content)
    writeFileSync(`${copy}-wal`, wal)
    const recording = openRecording(copy)
    assert.deepEqual(recording.damage, [])
    assert.equal(recording.ticks.filter(({ seq }) => recording.frame(seq) !== null).length, 65)
    recording.close()
  })
})

/** The page count of the last transaction in a -wal: a 32-byte header, then frames with a 24-byte header each. */
function pagesAfter(wal: Buffer): number {
  let pages = 0
  for (let frame = 32; frame + 24 + 4096 <= wal.length; frame += 24 + 4096) {
    if (wal.compare(wal, 16, 24, frame + 8, frame + 16) === 0) pages = wal.readUInt32BE(frame + 4) || pages
  }
  return pages
}

test('a file is never overwritten', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeFileSync(file, 'mine')
    assert.throws(
      () => createRecording(file, META),
      (error: unknown) => error instanceof UserError && error.exitCode === 2,
    )
    assert.equal(readFileSync(file, 'utf8'), 'mine')
  })
})

test('a continued recording has a gap with the reason stopped, and continuous tick numbers', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const frames = [...sampleFrames({ secs: 100 })]
    const first = createRecording(file, META)
    for (const frame of frames.slice(0, 40)) first.append(frame)
    first.close()
    const second = appendRecording(file, META)
    for (const frame of frames.slice(60)) second.append(frame)
    second.close()
    const recording = openRecording(file)
    assert.equal(recording.ticks.length, 80)
    assert.ok(recording.ticks.every(({ seq }, i) => seq === i))
    assert.deepEqual(recording.gaps, [
      { from: recording.gaps[0]!.from, to: frames[60]!.start, reason: 'stopped' },
    ])
    recording.close()
  })
})

test('a file has one recorder: a running one keeps it, the lock of an ended one is taken over', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'x.db')
    const child = new Child({ file, ticks: 100_000, pause: 5, rps: 30 })
    await child.reached(5)
    assert.throws(
      () => appendRecording(file, { ...META, host: 'torture' }),
      (error: unknown) =>
        error instanceof UserError &&
        error.exitCode === 2 &&
        error.message.includes(`process ${child.process.pid}`),
    )
    await child.kill()
    appendRecording(file, { ...META, host: 'torture' }).close()
  })
})

test('a late tick keeps its counts, and the time beyond 1.5 s is a gap', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const [a, b] = [...sampleFrames({ secs: 2 })]
    const sink = createRecording(file, META)
    sink.append(a!)
    sink.append({ ...b!, length: micros(8e6) })
    sink.close()
    const recording = openRecording(file)
    const [gap] = recording.gaps
    assert.ok(gap?.reason === 'late' && gap.to - gap.from === 6.5e6)
    const sum = recording.aggregate({ from: 1, to: 2 })
    assert.equal(sum.length, 8e6)
    assert.equal(sum.covered, 1.5e6)
    recording.close()
  })
})

test('an interrupted change is rolled back for the reader, and the file is not changed', async () => {
  await inFolder((folder) => {
    const file = join(folder, 'x.db')
    const frames = writeSample(file, { secs: 60 })
    const script = `
      const database = new (require('better-sqlite3'))('${file}')
      database.pragma('cache_size = 1')
      database.exec('BEGIN IMMEDIATE; UPDATE traffic SET requests = 0')
      process.kill(process.pid, 'SIGKILL')`
    spawnSync(process.execPath, ['-e', script])
    assert.ok(existsSync(`${file}-journal`))
    const before = readFileSync(file)
    const recording = openRecording(file)
    assert.deepEqual(recording.damage, [])
    assert.ok(frames.every(({ seq }) => recording.isWhole(seq)))
    recording.close()
    assert.deepEqual(readFileSync(file), before)
    return Promise.resolve()
  })
})

test('a recording locked by another program is refused with an error', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { secs: 3 })
    const other = new Sqlite(file)
    other.exec('BEGIN EXCLUSIVE')
    assert.throws(() => openRecording(file), /is locked by another program/)
    other.close()
  })
})
