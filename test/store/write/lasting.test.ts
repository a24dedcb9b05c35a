/** A recording that is moved, removed or spoilt under its recorder: nothing of it is lost, and another is begun. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { ExitCode, UserError } from '../../../src/errors.ts'
import type { RecordingSink } from '../../../src/frame/model/recording.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { checkRecording } from '../../../src/store/tools/check.ts'
import { openLasting, type LastingOptions } from '../../../src/store/write/lasting.ts'
import { silent, withFolder, type Folder } from '../../torture/kit.ts'
import { sampleFrames } from '../../torture/sample.ts'
import { META } from '../support.ts'

interface Running {
  readonly sink: RecordingSink
  readonly file: string
  readonly warnings: string[]
  /** records so many more ticks */
  readonly ticks: (count: number) => void
  /** names beside the recording */
  readonly names: () => string[]
}

function start(folder: Folder, options: LastingOptions = {}, name = 'd/x.db'): Running {
  mkdirSync(folder.file('d'), { recursive: true })
  const file = folder.file(name)
  const warnings: string[] = []
  const sink = openLasting(file, META, { warn: (text) => warnings.push(text), ...options })
  const frames = [...sampleFrames({ secs: 60 })]
  const ticks = (count: number): void => {
    for (const frame of frames.splice(0, count)) sink.append(frame)
  }
  return { sink, file, warnings, ticks, names: () => readdirSync(folder.file('d')).sort() }
}

/** Whole, with so many ticks, and one plain file. */
async function isWhole(file: string, ticks: number): Promise<void> {
  const recording = openRecording(file)
  recording.close()
  assert.equal(recording.ticks.length, ticks, file)
  assert.deepEqual(recording.gaps, [])
  assert.equal((await checkRecording(file, silent)).state, 'whole')
  assert.equal(readFileSync(file)[18], 1, `${file} needs no -wal`)
}

const MOVES: Readonly<Record<string, (from: string, to: string) => void>> = {
  alone: (from, to) => renameSync(from, to),
  'with what lies beside it': (from, to) => {
    for (const ending of ['', '-wal', '-shm']) renameSync(from + ending, to + ending)
  },
}

for (const append of [false, true]) {
  for (const [how, move] of Object.entries(MOVES)) {
    test(`a recording that is moved ${how} is whole there, and begun anew${append ? ' (--append)' : ''}`, async () => {
      await withFolder(async (folder) => {
        const { sink, file, warnings, ticks, names } = start(folder, { append })
        ticks(12)
        const to = folder.file('d/moved.db')
        move(file, to)
        ticks(1)
        await isWhole(to, 12)
        assert.match(warnings.join(), /x\.db" was moved to ".*moved\.db".*goes on in ".*x\.db"$/)
        ticks(7)
        sink.close()
        await isWhole(file, 8)
        assert.equal(warnings.length, 1)
        assert.deepEqual(names(), ['moved.db', 'x.db'])
      })
    })
  }
}

test('a recording that is removed is begun anew', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks, names } = start(folder)
    ticks(7)
    unlinkSync(file)
    ticks(5)
    assert.match(warnings.join(), /was removed while it was recorded; recording goes on in ".*x\.db"$/)
    sink.close()
    await isWhole(file, 5)
    assert.deepEqual(names(), ['x.db'])
  })
})

test('a recording is moved twice, and at last removed with all that lies beside it', async () => {
  await withFolder(async (folder) => {
    const { sink, file, ticks, names } = start(folder)
    for (const to of ['a.db', 'b.db']) {
      ticks(4)
      renameSync(file, folder.file(`d/${to}`))
    }
    ticks(4)
    for (const ending of ['', '-wal', '-shm', '-lock']) rmSync(file + ending)
    ticks(4)
    assert.ok(existsSync(`${file}-lock`))
    sink.close()
    for (const name of ['a.db', 'b.db', 'x.db']) await isWhole(folder.file(`d/${name}`), 4)
    assert.deepEqual(names(), ['a.db', 'b.db', 'x.db'])
  })
})

test('a recording that is moved just before its end is whole, and leaves nothing', async () => {
  await withFolder(async (folder) => {
    const { sink, file, ticks, names } = start(folder)
    ticks(9)
    renameSync(file, folder.file('d/moved.db'))
    sink.close()
    await isWhole(folder.file('d/moved.db'), 9)
    assert.deepEqual(names(), ['moved.db'])
  })
})

test('another file in its place is not touched: the next is begun beside it', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks, names } = start(folder, { append: true })
    ticks(6)
    renameSync(file, folder.file('d/moved.db'))
    writeFileSync(file, 'mine')
    ticks(6)
    sink.close()
    assert.equal(warnings.length, 1, warnings.join())
    const [moved, own, begun, ...others] = names()
    assert.deepEqual([moved, own, others], ['moved.db', 'x.db', []])
    assert.match(begun!, /^x\.db\.new-\d{8}T\d{6}Z$/)
    assert.equal(readFileSync(file, 'utf8'), 'mine')
    await isWhole(folder.file('d/moved.db'), 6)
    await isWhole(folder.file(`d/${begun!}`), 6)
  })
})

test('a folder that is moved takes its recording along, and a new one is begun when there is a folder again', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks } = start(folder)
    ticks(6)
    renameSync(folder.file('d'), folder.file('e'))
    ticks(3)
    assert.match(warnings.join(), /no new recording can be begun as .*d\/x\.db": .* as ".*e\/x\.db"$/)
    assert.equal(warnings.length, 1)
    mkdirSync(folder.file('d'))
    ticks(4)
    await isWhole(folder.file('e/x.db'), 9)
    assert.deepEqual(readdirSync(folder.file('e')), ['x.db'])
    sink.close()
    await isWhole(file, 4)
  })
})

test('what lies beside it is removed alone: it goes on, and nothing is lost', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks, names } = start(folder)
    ticks(8)
    rmSync(`${file}-wal`)
    rmSync(`${file}-shm`)
    ticks(8)
    assert.deepEqual(warnings.length, 1)
    sink.close()
    await isWhole(file, 16)
    assert.deepEqual(names(), ['x.db'])
  })
})

test('a recording that is emptied under the recorder is moved aside, and begun anew', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks, names } = start(folder)
    ticks(8)
    truncateSync(file, 0)
    ticks(8)
    sink.close()
    assert.match(warnings.join(), /was emptied while it was recorded: it is now ".*damaged-/)
    await isWhole(file, 8)
    assert.equal(names().length, 2)
  })
})

test('a recording that is cut off under the recorder is moved aside at the next tick', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks, names } = start(folder)
    ticks(11)
    truncateSync(file, 3 * 4096)
    ticks(1)
    assert.match(warnings.join(), /was cut off while it was recorded: it is now ".*damaged-/)
    ticks(7)
    sink.close()
    await isWhole(file, 8)
    assert.equal(names().length, 2)
  })
})

test('a recording that gives back what is free is not taken for cut off', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks } = start(folder)
    ticks(11)
    const other = new Sqlite(file)
    other.exec("INSERT INTO marker (at, kind, text) VALUES (1, 'note', hex(zeroblob(200000)))")
    other.pragma('wal_checkpoint(PASSIVE)')
    ticks(1)
    const before = statSync(file).size
    other.exec('DELETE FROM marker; PRAGMA incremental_vacuum')
    other.pragma('wal_checkpoint(PASSIVE)')
    other.close()
    assert.ok(statSync(file).size < before)
    ticks(7)
    sink.close()
    assert.deepEqual(warnings, [])
    await isWhole(file, 19)
  })
})

test('a recording that proves damaged while it is written is moved aside, and not a tick after that is lost', async () => {
  await withFolder(async (folder) => {
    const { sink, file, warnings, ticks, names } = start(folder, { keep: micros(10e6) })
    ticks(20)
    const other = new Sqlite(file)
    other.pragma('wal_checkpoint(PASSIVE)')
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0x5a, 3 * 4096))
    // Another program's change makes SQLite read its pages again.
    other.exec('PRAGMA user_version = 2')
    other.close()
    ticks(8)
    sink.close()
    assert.match(warnings.join(), /is damaged: it is now ".*damaged-/)
    await isWhole(file, 8)
    assert.ok(names().some((name) => name.startsWith('x.db.damaged-')))
  })
})

test('a recording that proves damaged when it ends is said to be, and is no bug', async () => {
  await withFolder(async (folder) => {
    const { sink, file, ticks, names } = start(folder)
    ticks(6)
    truncateSync(file, 2 * 4096)
    assert.throws(
      () => sink.close(),
      (error) => error instanceof UserError && error.exitCode === ExitCode.recording,
    )
    assert.ok(!names().includes('x.db-lock'))
    await assert.rejects(checkRecording(file, silent), UserError)
  })
})

test('a link that leads to another file is followed', async () => {
  await withFolder(async (folder) => {
    mkdirSync(folder.file('d'))
    const link = folder.file('d/now.db')
    symlinkSync('monday.db', link)
    const { sink, warnings, ticks, names } = start(folder, { append: true }, 'd/now.db')
    ticks(5)
    unlinkSync(link)
    symlinkSync('tuesday.db', link)
    ticks(5)
    assert.ok(existsSync(folder.file('d/tuesday.db-lock')) && !existsSync(folder.file('d/monday.db-lock')))
    sink.close()
    assert.equal(warnings.length, 1)
    for (const name of ['monday.db', 'tuesday.db']) await isWhole(folder.file(`d/${name}`), 5)
    assert.deepEqual(names(), ['monday.db', 'now.db', 'tuesday.db'])
  })
})
