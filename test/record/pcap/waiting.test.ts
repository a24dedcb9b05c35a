import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Waiting } from '../../../src/record/pcap/waiting.ts'

async function* slow(): AsyncGenerator<number> {
  yield 1
  await setTimeout(60)
  yield 2
}

void test('what comes during a pause, or while nobody waits, is the next', async () => {
  const waiting = new Waiting(slow(), new AbortController().signal)
  assert.equal(await waiting.next(1000), 1)
  assert.equal(await waiting.next(10), 'pause')
  await setTimeout(100)
  assert.equal(await waiting.next(1000), 2)
  assert.equal(await waiting.next(1000), 'end')
})

void test('a wait ends when reading is stopped, and so does every later one', async () => {
  const stopping = new AbortController()
  const waiting = new Waiting(slow(), stopping.signal)
  assert.equal(await waiting.next(1000), 1)
  const last = waiting.next(60_000)
  stopping.abort()
  assert.equal(await last, 'end')
  assert.equal(await waiting.next(60_000), 'end')
})

void test('an error of the stream is thrown to whoever waits next', async () => {
  async function* broken(): AsyncGenerator<number> {
    await setTimeout(30)
    throw new Error('torn')
  }
  const waiting = new Waiting(broken(), new AbortController().signal)
  assert.equal(await waiting.next(5), 'pause')
  await setTimeout(50)
  await assert.rejects(waiting.next(1000), /torn/)
})
