import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openScratch, query } from '../../src/store/database.ts'
import { DimensionWriter } from '../../src/store/dimensions.ts'
import { SCHEMA } from '../../src/store/schema.ts'

test('a name whose transaction was rolled back is written with the next one, under the same number', () => {
  const database = openScratch()
  database.exec(SCHEMA)
  const names = new DimensionWriter(database)
  const backend = { id: 7, address: '10.0.1.10:8080', netns: 1, name: null }
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

test('names whose own numbers are alike are told apart', () => {
  const database = openScratch()
  database.exec(SCHEMA)
  const names = new DimensionWriter(database)
  const routes = [3, 3 + 4096, 3, 3 + 2 ** 20].map((id, i) => ({ id, method: 'GET', path: `/${i}` }))
  const numbers = routes.map((route) => names.route(route).id)
  assert.equal(new Set(numbers).size, routes.length)
  assert.deepEqual(
    routes.map((route) => names.route(route).id),
    numbers,
  )
  database.close()
})
