import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BulkInsert } from '../../src/store/bulk.ts'
import { openScratch, query, type SqlValue } from '../../src/store/database.ts'

test('rows with and without rare values arrive alike, in any mixture', () => {
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
