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
    grpc: {},
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

test('gRPC calls are counted by their status, beside the status code', () => {
  const ledger = new Ledger()
  const call = (status: number): void =>
    ledger.request('127.0.0.1:9004', 'POST', '/shop.Cart/GetCart')(200, status)
  for (const status of [0, 14, 0]) call(status)
  ledger.request('127.0.0.1:9001', 'GET', '/')(200)
  const { totals, backends } = ledger.report()
  assert.deepEqual([totals.codes, totals.grpc], [{ '200': 4 }, { '0': 2, '14': 1 }])
  assert.deepEqual(
    backends.map(({ grpc }) => grpc),
    [{ '0': 2, '14': 1 }, {}],
  )
})
