import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Aggregate } from '../../../src/frame/model/aggregate.ts'
import type { ConnectionCounts, Codes } from '../../../src/frame/model/frame.ts'
import { isTls, protocolOf } from '../../../src/frame/model/protocol.ts'
import { fleetOf } from '../../../src/frame/sum/fleet.ts'
import { ofFrame } from '../../../src/frame/sum/merge.ts'
import { frame, START, type FrameOptions } from '../../report/fake.ts'
import { ADD, CART, WEB } from '../../report/shop.ts'

const second = (
  grpc: Codes | null,
  counts: Partial<ConnectionCounts>,
  loss: FrameOptions['loss'] = {},
): Aggregate =>
  ofFrame(
    frame(
      0,
      START,
      [{ backend: CART, route: ADD, times: Array<number>(grpc === null ? 3 : 4).fill(2000), grpc }, WEB_ROW],
      {
        connections: [CART, WEB].map((backend) => ({ backend, counts: backend === CART ? counts : NONE })),
        loss,
      },
    ),
  )
const NONE = { h2Requests: 0, grpcRequests: 0 }
const UNKNOWN = { h2Requests: null, grpcRequests: null }
const WEB_ROW = { backend: WEB, route: ADD, times: [1000] }

const protocolIn = (sum: Aggregate, address: string): string | null =>
  protocolOf(sum.backends.find(({ backend }) => backend.address === address)!)

test('a backend speaks what most of its requests are, over hosts of which some read HTTP/1 only', () => {
  const knowing = second([0, 3, 14, 1], { h2Requests: 4, grpcRequests: 4 })
  const older = second(null, UNKNOWN)
  const oldest = second(null, UNKNOWN, { holes: null })
  for (const other of [older, oldest]) {
    const sum = fleetOf([
      { host: 'web1', aggregate: knowing },
      { host: 'web2', aggregate: other },
    ])
    assert.equal(protocolIn(sum, CART.address), 'grpc')
    assert.equal(protocolIn(sum, WEB.address), 'http/1')
    assert.equal(protocolIn(other, CART.address), 'http/1')
  }
})

test('a backend is read within TLS over recorders of which some are older, which read none; of one tick as of many', () => {
  const reading = second([0, 4], { h2Requests: 4, grpcRequests: 4, tlsRequests: 4 })
  const older = second([0, 4], { h2Requests: 4, grpcRequests: 4, tlsRequests: null })
  const isTlsIn = (...aggregates: readonly Aggregate[]): boolean | null => {
    const sum = fleetOf(aggregates.map((aggregate, i) => ({ host: `web${i}`, aggregate })))
    return isTls(sum.backends.find(({ backend }) => backend.address === CART.address)!)
  }
  assert.equal(isTlsIn(reading, older), true)
  assert.equal(isTlsIn(older), false)
  assert.equal(isTlsIn(older, older), false)
})
