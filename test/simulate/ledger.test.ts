import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ledger } from '../../src/simulate/ledger.ts'

test('the ledger has the fields and the order of report --format json', () => {
  const ledger = new Ledger()
  ledger.open('127.0.0.1:9003')
  ledger.request('127.0.0.1:9001', 'GET', '/b?x=1')(200)
  ledger.request('127.0.0.1:9001', 'GET', '/a')(503)
  ledger.request('127.0.0.1:9001', 'GET', '/a')(200)
  const { totals, backends } = ledger.report()
  assert.deepEqual(totals, {
    requests: 3,
    answered: 3,
    status: { '1xx': 0, '2xx': 2, '3xx': 0, '4xx': 0, '5xx': 1 },
    codes: { '200': 2, '503': 1 },
  })
  assert.deepEqual(
    backends.map(({ backend, routes }) => [
      backend,
      routes.map(({ method, route, requests }) => [method, route, requests]),
    ]),
    [
      [
        '127.0.0.1:9001',
        [
          ['GET', '/a', 2],
          ['GET', '/b', 1],
        ],
      ],
      ['127.0.0.1:9003', []],
    ],
  )
})

test('an unanswered request counts only as a request', () => {
  const ledger = new Ledger()
  ledger.request('127.0.0.1:9001', 'GET', '/')
  assert.equal(ledger.report().totals.requests, 1)
  assert.equal(ledger.report().totals.answered, 0)
})
