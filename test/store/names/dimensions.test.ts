import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend, Route } from '../../../src/frame/model/frame.ts'
import { openScratch, query } from '../../../src/store/sqlite/database.ts'
import { DimensionReader, DimensionWriter } from '../../../src/store/names/dimensions.ts'
import { SCHEMA } from '../../../src/store/format/schema.ts'

test('a name whose transaction was rolled back is written by the next one with the same id', () => {
  const database = openScratch()
  database.exec(SCHEMA)
  const names = new DimensionWriter(database, 0)
  const backend = { id: 7, address: '10.0.1.10:8080', netns: 1, names: null }
  const route = { id: 9, method: 'GET', path: '/orders' }
  const written = (): unknown[] => [
    query(database, 'SELECT id, address FROM backend').all(),
    query(database, 'SELECT id, path FROM route_copy').all(),
  ]

  database.exec('BEGIN')
  const [first, other] = [names.backend(backend).id, names.route(route).id]
  database.exec('ROLLBACK')
  names.rollback()
  assert.deepEqual(written(), [[], []])

  assert.equal(names.backend(backend).id, first)
  assert.equal(names.route(route).id, other)
  names.commit()
  assert.deepEqual(written(), [[[first, '10.0.1.10:8080']], [[other, '/orders']]])
  database.close()
})

test('names with colliding ids get different ids in the file', () => {
  const database = openScratch()
  database.exec(SCHEMA)
  const names = new DimensionWriter(database, 0)
  const routes = [3, 3 + 4096, 3, 3 + 2 ** 20].map((id, i) => ({ id, method: 'GET', path: `/${i}` }))
  const numbers = routes.map((route) => names.route(route).id)
  assert.equal(new Set(numbers).size, routes.length)
  assert.deepEqual(
    routes.map((route) => names.route(route).id),
    numbers,
  )
  database.close()
})

test('an address that comes back with another id keeps its number; an id that comes back with another address does not', () => {
  const database = openScratch()
  database.exec(SCHEMA)
  const names = new DimensionWriter(database, 0)
  const backend = (id: number, address: string): Backend => ({ id, address, netns: 1, names: null })
  const first = names.backend(backend(1, '10.0.1.10:80'))
  assert.equal(names.backend(backend(2, '10.0.1.10:80')).id, first.id)
  assert.notEqual(names.backend(backend(1, '10.0.1.11:80')).id, first.id)
  assert.equal(names.backend(backend(1 + 4096, '10.0.1.10:80')).id, first.id)
  database.close()
})

test('with many names, those unused for an hour are forgotten, and are deleted with the last tick that needs them', () => {
  const database = openScratch()
  database.exec(SCHEMA)
  const names = new DimensionWriter(database, 0)
  const route = (id: number): Route => ({ id, method: 'GET', path: `/${id}` })
  const standing = (): unknown =>
    query(database, 'SELECT count(*), (SELECT count(*) FROM route_copy) FROM route').all()[0]
  const busy = route(1)
  const tick = (oldest: number | null): void => {
    names.route(busy)
    names.removeUnused(oldest)
    names.commit()
  }
  const others = Array.from({ length: 11_000 }, (_, i) => route(2 + i))
  const before = others.map((other) => names.route(other).id)
  for (let n = 0; n < 3600; n++) tick(0)
  assert.deepEqual(standing(), [11_001, 11_001])

  for (let n = 0; n < 20; n++) tick(0)
  const after = others.map((other) => names.route(other).id)
  const forgotten = after.flatMap((id, i) => (id === before[i] ? [] : [{ id, was: before[i]! }]))
  assert.equal(forgotten.length, 1001, 'ten thousand are kept')
  assert.deepEqual(standing(), [12_002, 12_002], 'their tick still exists')
  const reader = new DimensionReader(database)
  for (const { id, was } of forgotten)
    assert.equal(reader.route(id), reader.route(was), 'for a reader it is one route')

  for (let n = 0; n < 20; n++) tick(1)
  assert.deepEqual(standing(), [11_001, 11_001])
  assert.deepEqual(
    others.map((other) => names.route(other).id),
    after,
  )
  database.close()
})
