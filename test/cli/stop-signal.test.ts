/** The handlers of signals are not exchanged while they are needed: a signal that arrives meanwhile would be lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stopSignal } from '../../src/cli/signals.ts'

test('a second listener comes and goes, and the handlers stay; without one there is none', () => {
  const before = process.listenerCount('SIGTERM')
  const removed: unknown[] = []
  const note = (name: unknown): void => void removed.push(name)
  process.on('removeListener', note)
  try {
    const signal = stopSignal()
    const [first, second] = [() => undefined, () => undefined]
    signal.addEventListener('abort', first)
    assert.equal(process.listenerCount('SIGTERM'), before + 1)
    signal.addEventListener('abort', second)
    signal.removeEventListener('abort', second)
    assert.deepEqual(removed, [])
    signal.removeEventListener('abort', first)
    assert.deepEqual(removed, ['SIGINT', 'SIGTERM', 'SIGHUP'])
    assert.equal(process.listenerCount('SIGTERM'), before)
  } finally {
    process.off('removeListener', note)
  }
})
