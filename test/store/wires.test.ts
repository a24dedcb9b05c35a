/** Format 2: what packets carried, in files that are whole, damaged, hostile, bounded, copied; and files of format 1. */
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../src/errors.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { micros, wallMicros } from '../../src/frame/model/units.ts'
import { ofFrame, sumOf } from '../../src/frame/sum/merge.ts'
import type { Incident } from '../../src/simulate/synth-plan.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import type { Database } from '../../src/store/sqlite/database.ts'
import { checkRecording } from '../../src/store/tools/check.ts'
import { cutRecording, type CutRequest } from '../../src/store/tools/cut.ts'
import { repairRecording } from '../../src/store/tools/repair.ts'
import { markRecording } from '../../src/store/write/mark.ts'
import { appendRecording, createRecording } from '../../src/store/write/writer.ts'
import { fixChecksums } from '../fuzz/checksums.ts'
import { silent, withFolder, type Folder } from '../torture/kit.ts'
import { CLUSTER_IP, PODS, sampleFrames, translated, writeSample } from '../torture/sample.ts'
import { comparable, comparableSum, META } from './support.ts'

const FIXTURES = new URL('../../fixtures/recordings/', import.meta.url).pathname
const REFUSED: Incident = { kind: 'refused', from: 4, to: 25, backend: 0 }
const SAMPLE = { secs: 130, rps: 20, backends: 2, routes: 4, requests: 3, incidents: [REFUSED] }

const sample = (folder: Folder, name = 'x.db'): { file: string; frames: SecondFrame[] } => {
  const file = folder.file(name)
  return { file, frames: writeSample(file, SAMPLE, undefined, translated) }
}

function changed(file: string, change: ((database: Database) => void) | string): void {
  const database = new Sqlite(file)
  if (typeof change === 'string') database.exec(change)
  else change(database)
  database.close()
}

const request = (out: string, more: Partial<CutRequest> = {}): CutRequest => ({
  ranges: [{ from: 0, to: SAMPLE.secs }],
  span: { from: wallMicros(0), to: wallMicros(Number.MAX_SAFE_INTEGER) },
  keeps: null,
  redact: new Set(),
  maxSize: null,
  out,
  ...more,
})

async function cut(file: string, out: string, more: Partial<CutRequest> = {}): Promise<void> {
  const source = openRecording(file)
  try {
    await cutRecording(
      source,
      request(out, { ranges: [{ from: 0, to: source.ticks.length }], ...more }),
      silent,
    )
  } finally {
    source.close()
  }
}

function read(file: string): { format: number; wires: SecondFrame['wires'][]; sum: unknown; damage: number } {
  const recording = openRecording(file, { verify: true })
  try {
    const { ticks, info, damage } = recording
    const range = { from: ticks[0]?.seq ?? 0, to: (ticks.at(-1)?.seq ?? -1) + 1 }
    return {
      format: info.format,
      wires: ticks.map(({ seq }) => recording.frame(seq)!.wires),
      sum: recording.aggregate(range).wires,
      damage: damage.length,
    }
  } finally {
    recording.close()
  }
}

const stateOf = async (file: string): Promise<string> => {
  const { state, problems } = await checkRecording(file, silent)
  return [state, ...problems].join('; ')
}

test('minutes have the sums of what packets carried, and a check compares them with the ticks', async () => {
  await withFolder(async (folder) => {
    const { file, frames } = sample(folder)
    const recording = openRecording(file)
    assert.ok(recording.minutes.length >= 2)
    for (const { first, ticks } of recording.minutes) {
      const rollup = recording.inspect(({ minutes }) => minutes.read(first))!
      const expected = sumOf(frames.slice(first, first + ticks).map(ofFrame))
      const sum = { ...expected, wires: rollup.rows.wires }
      assert.deepEqual(comparableSum(sum), comparableSum(expected))
    }
    recording.close()
    assert.equal(await stateOf(file), 'whole')
    changed(file, (database) => {
      database.exec('UPDATE minute_wire_traffic SET requests = requests + 1')
      fixChecksums(database)
    })
    assert.match(await stateOf(file), /minutes are not the sum of their ticks/)
  })
})

test('unknown and none are two things, in a tick, a minute and a sum', async () => {
  await withFolder(async (folder) => {
    for (const [wires, expected] of [
      [null, null],
      [[], []],
    ] as const) {
      const file = folder.file(`${String(wires?.length)}.db`)
      const sink = createRecording(file, META, { durable: false })
      for (const frame of sampleFrames(SAMPLE)) sink.append({ ...frame, wires })
      sink.close()
      const found = read(file)
      assert.deepEqual([found.wires[7], found.sum], [expected, expected])
      assert.equal(await stateOf(file), 'whole')
    }
    const file = folder.file('one-does-not-tell.db')
    const sink = createRecording(file, META, { durable: false })
    const frames = [...translated(sampleFrames(SAMPLE))]
    for (const frame of frames) sink.append(frame.seq === 70 ? { ...frame, wires: null } : frame)
    sink.close()
    const recording = openRecording(file)
    assert.equal(recording.aggregate({ from: 0, to: 130 }).wires, null)
    assert.equal(recording.aggregate({ from: 60, to: 130 }).wires, null)
    assert.ok(recording.aggregate({ from: 0, to: 60 }).wires !== null)
    assert.equal(recording.frame(70)!.wires, null)
    recording.close()
    assert.equal(await stateOf(file), 'whole')
  })
})

for (const [what, sql] of [
  ['a changed count', 'UPDATE wire_traffic SET requests = requests + 1 WHERE id >> 20 = 7'],
  ['a row that is gone', 'DELETE FROM wire_traffic WHERE id >> 20 = 7'],
  ['a row of another address', 'UPDATE wire_traffic SET wire = 3 - wire WHERE id >> 20 = 7'],
  [
    'a row too many',
    'INSERT INTO wire_traffic SELECT id + 100, backend, wire, 1, 1, 1 FROM wire_traffic WHERE id = 7 << 20',
  ],
  ['rows that are said to be unknown', 'UPDATE tick SET wires = NULL WHERE seq = 7'],
  ['rows that are said to be none', 'UPDATE tick SET wires = 0 WHERE seq = 7'],
] as const) {
  test(`${what} is damage of one tick, and no number is wrong`, async () => {
    await withFolder(async (folder) => {
      const { file, frames } = sample(folder)
      changed(file, sql)
      const recording = openRecording(file, { verify: true })
      assert.equal(recording.ticks.length, SAMPLE.secs - 1)
      for (const { seq } of recording.ticks)
        assert.deepEqual(comparable(recording.frame(seq)!), comparable(frames[seq]!))
      recording.close()
      assert.match(await stateOf(file), /^recoverable/)
    })
  })
}

for (const cells of [
  'requests = -1',
  'failures = 2147483648',
  'connects = 4611686018427387904',
  'wire = 999',
]) {
  test(`a wire row with ${cells} is damage, though its checksum is valid`, async () => {
    await withFolder((folder) => {
      const { file } = sample(folder)
      changed(file, (database) => {
        database.exec(`UPDATE wire_traffic SET ${cells} WHERE id >> 20 BETWEEN 30 AND 39; DELETE FROM minute`)
        fixChecksums(database)
      })
      const recording = openRecording(file)
      const missing = recording.ticks.filter(({ seq }) => recording.frame(seq) === null)
      recording.close()
      assert.equal(missing.length, 10)
      return Promise.resolve()
    })
  })
}

test('wire rows are read from the pages when the schema is not ours, is lost, or the file is cut off', async () => {
  await withFolder((folder) => {
    const { file, frames } = sample(folder)
    const expected = frames.map(comparable)
    const all = (name: string): unknown[] => {
      const recording = openRecording(name, { verify: true })
      const found = recording.ticks.map(({ seq }) => comparable(recording.frame(seq)!))
      recording.close()
      return found
    }
    for (const [name, sql] of [
      ['trigger.db', 'CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT RAISE(IGNORE); END'],
      ['no-table.db', 'DROP TABLE minute_wire_traffic'],
    ] as const) {
      const copy = folder.file(name)
      copyFileSync(file, copy)
      changed(copy, sql)
      assert.deepEqual(all(copy), expected, name)
      assert.equal(read(copy).format, 2)
    }
    const short = folder.file('short.db')
    copyFileSync(file, short)
    truncateSync(short, Math.floor((statSync(short).size * 0.9) / 4096) * 4096)
    const left = all(short)
    assert.ok(left.length > 60 && left.length < SAMPLE.secs, `${left.length} ticks`)
    for (const frame of left as SecondFrame[]) assert.deepEqual(frame, expected[frame.seq])
    return Promise.resolve()
  })
})

test('a format 2 file without its wire rows has no tick that can be believed, and nothing is written into it', async () => {
  await withFolder(async (folder) => {
    const { file } = sample(folder)
    changed(file, 'DROP TABLE wire_traffic')
    await assert.rejects(stateOf(file), isRefused(5, /nothing can be read/))
    assert.throws(() => appendRecording(file, META), isRefused(5, /is damaged/))
  })
})

test('bounds remove wire rows with their ticks, and names with their last row', async () => {
  await withFolder(async (folder) => {
    const file = folder.file('x.db')
    const sink = createRecording(file, META, { keep: micros(70e6) })
    for (const frame of translated(sampleFrames({ ...SAMPLE, secs: 200 }))) sink.append(frame)
    sink.close()
    changed(file, (database) => {
      const oldest = database.prepare('SELECT min(seq) FROM tick').pluck().get()
      assert.ok((oldest as number) > 100)
      for (const table of ['wire_traffic', 'traffic'])
        assert.equal(database.prepare(`SELECT min(id) >> 20 FROM ${table}`).pluck().get(), oldest)
      const rollup = database.prepare('SELECT min(id) >> 20 FROM minute_wire_traffic').pluck().get()
      assert.equal(rollup, database.prepare('SELECT min(first) FROM minute').pluck().get())
    })
    assert.equal(await stateOf(file), 'whole')
  })
})

test('a recording that goes on keeps the numbers of wire addresses', async () => {
  await withFolder(async (folder) => {
    const { file } = sample(folder)
    const sink = appendRecording(file, META)
    for (const frame of translated(sampleFrames({ ...SAMPLE, secs: 30, seed: 3 }))) sink.append(frame)
    sink.close()
    assert.equal(await stateOf(file), 'whole')
    changed(file, (database) => {
      for (const table of ['wire', 'wire_copy'])
        assert.deepEqual(
          database.prepare(`SELECT address FROM ${table} ORDER BY id`).pluck().all().sort(),
          PODS.map(({ address }) => address),
        )
    })
  })
})

test('a lost page of wire names costs no tick', async () => {
  await withFolder((folder) => {
    const { file, frames } = sample(folder)
    changed(file, 'DELETE FROM wire')
    const recording = openRecording(file, { verify: true })
    assert.equal(recording.ticks.length, frames.length)
    assert.deepEqual(comparable(recording.frame(40)!), comparable(frames[40]!))
    recording.close()
    return Promise.resolve()
  })
})

test('a cut of a backend has its wires; of a route they are unknown; pseudonyms hide them', async () => {
  await withFolder(async (folder) => {
    const { file, frames } = sample(folder)
    const [same, other, route, hidden] = ['same', 'other', 'route', 'hidden'].map((name) => folder.file(name))
    await cut(file, same!, { keeps: ({ backend }) => backend.address === CLUSTER_IP })
    assert.deepEqual(
      read(same!).wires.map((rows) => rows?.length),
      frames.map(({ wires }) => wires!.length),
    )
    await cut(file, other!, { keeps: ({ backend }) => backend.address !== CLUSTER_IP })
    assert.deepEqual(read(other!).sum, [])
    await cut(file, route!, { keeps: (row) => row.route?.path !== '/checkout', byRoute: true })
    assert.equal(read(route!).sum, null)
    await cut(file, hidden!, { redact: new Set(['ips']) })
    const text = readFileSync(hidden!, 'latin1')
    for (const { address } of PODS) assert.ok(!text.includes(address.split(':')[0]!), address)
    for (const one of [same, other, route, hidden]) assert.equal(await stateOf(one!), 'whole')
  })
})

/* ---- format 1 ---- */

const isRefused =
  (code: number, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof UserError && error.exitCode === code && words.test(error.message)

const copied = (folder: Folder, name: string): string => {
  const file = folder.file(name)
  copyFileSync(FIXTURES + name, file)
  return file
}

const FORMAT_1 = readdirSync(FIXTURES).filter(
  (name) =>
    name.endsWith('.db') &&
    ['format-1', 'incident', 'gap', 'holed', 'truncated', 'simulated', 'future-columns'].includes(
      name.slice(0, -3),
    ),
)

for (const name of FORMAT_1) {
  test(`${name} does not know what packets carried, nor do its copies, which stay of format 1`, async () => {
    await withFolder(async (folder) => {
      const file = FIXTURES + name
      const before = read(file)
      assert.equal(before.format, 1)
      assert.ok(before.wires.every((wires) => wires === null) && before.sum === null)
      const [out, saved] = [folder.file('cut.db'), folder.file('saved.db')]
      await repairRecording(file, saved, silent)
      await cut(saved, out)
      for (const copy of [saved, out]) {
        const found = read(copy)
        assert.deepEqual([found.format, found.sum], [1, null])
        assert.equal(await stateOf(copy), 'whole')
        changed(copy, (database) => {
          const meta = database.prepare(
            "SELECT key || ' ' || value FROM meta WHERE key IN ('format', 'readable_by') ORDER BY key",
          )
          assert.deepEqual(meta.pluck().all(), ['format 1', 'readable_by upstreamtop 0.1.0'])
        })
      }
    })
  })
}

test('a format 1 file that claims to know its wires is not believed', async () => {
  await withFolder((folder) => {
    const file = copied(folder, 'format-1.db')
    changed(file, (database) => {
      database.exec('ALTER TABLE tick ADD COLUMN wires INTEGER; UPDATE tick SET wires = 5')
      fixChecksums(database)
      database.exec(
        'CREATE TABLE wire_traffic (id INTEGER PRIMARY KEY, backend INTEGER NOT NULL, wire INTEGER NOT NULL, x INTEGER) STRICT',
      )
    })
    const recording = openRecording(file)
    assert.ok(recording.ticks.length > 0)
    recording.close()
    const intact = copied(folder, 'incident.db')
    changed(intact, (database) => {
      database.exec('ALTER TABLE tick ADD COLUMN wires INTEGER; UPDATE tick SET wires = 5')
      fixChecksums(database)
    })
    const found = read(intact)
    const known = found.wires.filter((wires) => wires !== null)
    assert.deepEqual([found.wires.length, known.length], [450, 0])
    return Promise.resolve()
  })
})

test('rows of a damaged format 1 file that are read from its pages keep their meaning', async () => {
  await withFolder((folder) => {
    const file = copied(folder, 'format-1.db')
    changed(file, 'CREATE TRIGGER t BEFORE INSERT ON marker BEGIN SELECT RAISE(IGNORE); END')
    const found = read(file)
    assert.deepEqual([found.format, found.wires.length, found.sum], [1, 90, null])
    return Promise.resolve()
  })
})

test('nothing is added to a file of format 1 but a note, and the file stays of format 1', async () => {
  await withFolder(async (folder) => {
    const file = copied(folder, 'format-1.db')
    const before = readFileSync(file)
    assert.throws(
      () => appendRecording(file, META),
      isRefused(5, /is of format 1, this version writes format 2/),
    )
    assert.deepEqual(readFileSync(file), before)
    markRecording(file, { at: wallMicros(1_795_356_010_000_000), kind: 'note', text: 'a note' })
    assert.equal(read(file).format, 1)
    assert.equal(await stateOf(file), 'whole')
  })
})
