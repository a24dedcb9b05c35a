import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_CONNECTIONS, NO_COUNTS } from '../../../src/frame/model/nothing.ts'
import { isRead, isTls, isUnread, protocolOf, PROTOCOLS } from '../../../src/frame/model/protocol.ts'

type Connection = Partial<typeof NO_CONNECTIONS>

const row = (requests: number, connection: Connection, inFlight = 0) => ({
  ...NO_COUNTS,
  requests,
  inFlight,
  connection: { ...NO_CONNECTIONS, ...connection },
})

const spoken = (requests: number, connection: Connection): string | null =>
  protocolOf(row(requests, connection))

test('a backend speaks what most of its requests are', () => {
  assert.equal(spoken(10, { h2Requests: 0, grpcRequests: 0 }), 'http/1')
  assert.equal(spoken(10, { h2Requests: 10, grpcRequests: 0 }), 'h2')
  assert.equal(spoken(10, { h2Requests: 10, grpcRequests: 10 }), 'grpc')
  assert.equal(spoken(10, { h2Requests: 6, grpcRequests: 1 }), 'h2')
  assert.equal(spoken(10, { h2Requests: 6, grpcRequests: 5 }), 'grpc')
  assert.equal(spoken(10, { h2Requests: 5, grpcRequests: 3 }), 'http/1')
})

test('of as many requests it speaks the simplest', () => {
  assert.equal(spoken(2, { h2Requests: 1, grpcRequests: 0 }), 'http/1')
  assert.equal(spoken(2, { h2Requests: 2, grpcRequests: 1 }), 'h2')
  assert.equal(spoken(3, { h2Requests: 2, grpcRequests: 1 }), 'http/1')
})

test('a recording that does not know of HTTP/2 has read HTTP/1', () => {
  assert.equal(spoken(10, { h2Requests: null, grpcRequests: null }), 'http/1')
})

test('of requests that began before the range those of gRPC tell when they end, and open ones do not', () => {
  const open = row(0, {}, 1)
  assert.equal(protocolOf(open), null)
  assert.equal(isUnread(open), false)
  assert.equal(protocolOf({ ...open, answered: 1, grpc: [0, 1] }), 'grpc')
  assert.equal(protocolOf({ ...row(0, { tlsConnects: 1 }), grpc: [999, 1] }), 'grpc')
  assert.equal(protocolOf({ ...open, answered: 4, grpc: [0, 1] }), null)
  assert.equal(isUnread({ ...row(0, {}), grpc: [0, 1] }), false)
})

test('a recording that does not know of gRPC has read HTTP/1, open requests too', () => {
  assert.equal(protocolOf({ ...row(0, {}, 1), grpc: null }), 'http/1')
  assert.equal(protocolOf({ ...row(0, {}), grpc: null }), null)
})

test('requests count before connections, and connections that cannot be read where there are none', () => {
  assert.equal(spoken(1, { h2Requests: 1, grpcRequests: 1, tlsConnects: 9 }), 'grpc')
  assert.equal(spoken(0, { tlsConnects: 1, h2Connects: 2 }), 'h2-unread')
  assert.equal(spoken(0, {}), null)
})

test('requests of HTTP/1, HTTP/2 and gRPC are read, all others are not', () => {
  assert.deepEqual(
    PROTOCOLS.filter((protocol) => isRead(protocol)),
    ['http/1', 'h2', 'grpc'],
  )
  assert.equal(isRead(null), false)
  assert.equal(isUnread(row(1, { h2Requests: 1, grpcRequests: 1, h2Connects: 1 })), false)
  assert.equal(isUnread(row(0, { h2Connects: 1 })), true)
})

test('requests that were read within TLS are of a protocol that is read, whatever their connections began with', () => {
  const read = row(5, { h2Requests: 0, grpcRequests: 0, tlsRequests: 5, tlsConnects: 9, tlsOpen: 3 })
  assert.equal(protocolOf(read), 'http/1')
  assert.deepEqual([isUnread(read), isTls(read)], [false, true])
  assert.equal(spoken(5, { h2Requests: 5, grpcRequests: 5, tlsRequests: 5, tlsConnects: 1 }), 'grpc')
  assert.equal(isTls(row(0, { tlsConnects: 9 })), false)
  assert.equal(isTls(row(5, { tlsRequests: null })), null)
})
