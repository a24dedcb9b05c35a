/** Findings are slow to find: nobody else waits for them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Recording, SeqRange } from '../../../src/frame/model/recording.ts'
import { spansOf } from '../../../src/report/data/source.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { fixture, viewOf } from './kit.ts'

test('while findings are looked for, others are answered', async (t) => {
  const { json } = await viewOf(t, [slowed(openRecording(fixture('incident')))])
  const order: string[] = []
  const ask = async (what: string): Promise<void> => {
    await json(what)
    order.push(what)
  }
  const few = 'requests?limit=1&to=1795356002'
  await Promise.all([ask('findings'), ask(few)])
  assert.deepEqual(order, [few, 'findings'])
})

test('findings are looked for once, not with each page that is opened', async (t) => {
  const recording = openRecording(fixture('incident'))
  const { json } = await viewOf(t, [slowed(recording)])
  const first = await json<readonly unknown[]>('findings')
  assert.ok(first.length > 0)
  recording.spans = () => assert.fail('read again')
  assert.deepEqual(await json('findings'), first)
})

const EACH_MS = 3

/** Each reading of rows takes some time, without any rest. */
function slowed(recording: Recording): Recording {
  const spans = (range: SeqRange): ReturnType<typeof spansOf> => {
    for (const end = performance.now() + EACH_MS; performance.now() < end;);
    return spansOf(recording, range)
  }
  return new Proxy(recording, {
    get: (_, name): unknown => {
      if (name === 'spans') return spans
      const value: unknown = Reflect.get(recording, name, recording)
      return typeof value === 'function' ? (value.bind(recording) as unknown) : value
    },
  })
}
