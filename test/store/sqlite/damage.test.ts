/** Which SQLite errors mean that the file is damaged, so that the rest of it is read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Sqlite from 'better-sqlite3'
import { isDamage } from '../../../src/store/sqlite/database.ts'

/** The error of SQLite for a changed schema. */
function refusal(sql: string, read: string): unknown {
  const database = new Sqlite(':memory:')
  try {
    database.unsafeMode(true)
    database.exec('CREATE TABLE t (a)')
    database.pragma('writable_schema = ON')
    database.exec(sql)
    const copy = new Sqlite(database.serialize())
    try {
      copy.prepare(read).all()
    } finally {
      copy.close()
    }
    return null
  } catch (error) {
    return error
  } finally {
    database.close()
  }
}

test('a table whose root page is not in the file is damage', () => {
  const error = refusal('UPDATE sqlite_schema SET rootpage = 1000000', 'SELECT * FROM sqlite_schema')
  assert.match(String(error), /malformed database schema.*invalid rootpage/)
  assert.ok(isDamage(error))
})

test('a cell longer than SQLite allows is damage', () => {
  const error = refusal('', "SELECT zeroblob(2000000000) || 'x'")
  assert.match(String(error), /too big/)
  assert.ok(isDamage(error))
})

test('a wrong query is our bug, whatever is in the file', () => {
  assert.equal(isDamage(refusal('', 'SELECT b FROM t')), false)
  assert.equal(isDamage(new RangeError('Invalid array length')), false)
})
