import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Distribution, TrafficRow } from '../../../src/frame/model/frame.ts'
import { boundsOf } from '../../../src/frame/model/histogram.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { BATCH, BulkInsert } from '../../../src/store/sqlite/bulk.ts'
import { openScratch, query, type SqlValue } from '../../../src/store/sqlite/database.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { BACKENDS, frameOf, START } from '../../replay/example-recording.ts'
import { comparable, inFolder, META } from '../support.ts'
import { NO_COUNTS } from '../../../src/frame/model/nothing.ts'

test('rows with and without rare values are written, in any order', () => {
  const row = fc.tuple(fc.integer(), fc.oneof(fc.constant(0), fc.nat(2)), fc.option(fc.nat(9)))
  fc.assert(
    fc.property(fc.array(row, { maxLength: 120 }), (rows) => {
      const database = openScratch()
      database.exec(
        'CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, rare INTEGER NOT NULL, b INTEGER) STRICT',
      )
      const bulk = new BulkInsert(database, 't', ['id', 'a', 'rare', 'b'], ['rare'])
      rows.forEach((values, i) => {
        const cells: SqlValue[] = [i, ...values]
        for (const [at, cell] of cells.entries()) bulk.cells[bulk.at + at] = cell
        bulk.next()
      })
      bulk.flush()
      assert.deepEqual(
        query(database, 'SELECT * FROM t ORDER BY id').all(),
        rows.map((values, i) => [i, ...values]),
      )
      database.close()
    }),
    { numRuns: 60 },
  )
})

/** One request in this bucket; its packed bytes have the same length for every bucket used here. */
function onlyIn(bucket: number): Distribution {
  const time = micros(boundsOf(bucket)[0])
  return { count: 1, sum: time, sampled: 1, min: time, max: time, buckets: [bucket, 1] }
}

test('no row has the histogram of a later row of the same statement, for any batch size', () => {
  const traffic = Array.from({ length: 3 * BATCH }, (_, i): TrafficRow => ({
    ...NO_COUNTS,
    backend: BACKENDS.orders,
    route: { id: i + 1, method: 'GET', path: `/${i}` },
    requests: 1,
    answered: 1,
    codes: [200, 1],
    header: onlyIn(100 + (i % 200)),
    total: onlyIn(101 + (i % 200)),
  }))
  const frame = frameOf(0, START, [], { traffic })
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    const sink = createRecording(file, META, { durable: false })
    sink.append(frame)
    sink.close()
    const recording = openRecording(file)
    const read = recording.frame(0)
    assert.ok(read !== null, 'the tick can be read')
    assert.deepEqual(comparable(read), comparable(frame))
    recording.close()
  })
})
