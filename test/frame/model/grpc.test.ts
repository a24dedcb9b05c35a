import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  GRPC_NONE,
  grpcEnded,
  grpcErrors,
  grpcName,
  grpcStatusOf,
  grpcWord,
  mergeGrpc,
  sumGrpc,
} from '../../../src/frame/model/grpc.ts'

test('a grpc-status is a number in JSON, and what gRPC calls it for people', () => {
  const words = [0, 5, 14, 16, 17, 990, GRPC_NONE].map((status) => [grpcWord(status), grpcName(status)])
  assert.deepEqual(words, [
    ['0', 'OK'],
    ['5', 'NOT_FOUND'],
    ['14', 'UNAVAILABLE'],
    ['16', 'UNAUTHENTICATED'],
    ['17', '17'],
    ['990', '990'],
    ['none', 'no status'],
  ])
})

test('the word of every status is read back, and nothing else is a status', () => {
  for (let status = 0; status <= GRPC_NONE; status++) assert.equal(grpcStatusOf(grpcWord(status)), status)
  for (const word of ['', '00', '-1', '1000', '999', '1.5', 'OK', '__proto__'])
    assert.equal(grpcStatusOf(word), null, word)
})

test('all but OK are errors, an exchange without status among them', () => {
  const grpc = [0, 90, 4, 2, 14, 5, GRPC_NONE, 3]
  assert.equal(grpcEnded(grpc), 100)
  assert.equal(grpcErrors(grpc), 10)
})

test('where nothing tells, nothing is counted; where there was no gRPC, there were no errors', () => {
  assert.deepEqual([grpcEnded(null), grpcErrors(null)], [null, null])
  assert.deepEqual([grpcEnded([]), grpcErrors([])], [0, 0])
})

test('a sum with a part that does not know is unknown', () => {
  const [a, b] = [
    [0, 1, 14, 2],
    [0, 3, 5, 1],
  ]
  assert.deepEqual(mergeGrpc(a, b), [0, 4, 5, 1, 14, 2])
  assert.equal(mergeGrpc(a, null), null)
  assert.equal(mergeGrpc(null, []), null)
  assert.deepEqual(sumGrpc([{ grpc: a }, { grpc: [] }, { grpc: b }, { grpc: a }]), [0, 5, 5, 1, 14, 4])
  assert.equal(sumGrpc([{ grpc: a }, { grpc: null }]), null)
  assert.deepEqual(sumGrpc([]), [])
})
