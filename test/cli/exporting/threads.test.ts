/** Hours that are written by several threads are the files that one writes. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { threadsFor, type StartThread } from '../../../src/cli/exporting/threads.ts'
import { UserError } from '../../../src/errors.ts'
import { parseExpression } from '../../../src/frame/expression/expression-parser.ts'
import { EVERYTHING, splitSelection } from '../../../src/frame/expression/selection.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { shifted } from '../../../src/report/data/source.ts'
import { exportDataset, type ExportOptions, type WriteHours } from '../../../src/report/parquet/dataset.ts'
import { TABLE_FORMATS } from '../../../src/report/parquet/hour-parts.ts'
import { openWritable } from '../../../src/store/sqlite/database.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { backend, frame, route, START } from '../../report/fake.ts'
import { inFolder, META } from '../../store/support.ts'

/** A thread of node 20 knows nothing of the loader of this one. */
const fromSources: StartThread = (data) => {
  const entry = JSON.stringify(new URL('../../../src/export-thread.ts', import.meta.url).href)
  const script = `import('tsx/esm/api').then(({ register }) => { register(); return import(${entry}) })`
  return new Worker(script, { eval: true, workerData: data })
}

/** A tick each two minutes from 14:00 on, until 01:00 of the next day. */
function recorded(folder: string): string {
  const file = join(folder, 'hours.db')
  const sink = createRecording(file, META)
  for (let i = 0; i < 330; i++) {
    const rows = [
      { backend: backend(`10.0.0.${i % 3}:80`), route: route('GET', `/${i % 7}`), times: [i, 2 * i] },
    ]
    sink.append(frame(i, addMicros(START, i * 120e6), rows, i === 0 ? {} : { gapBefore: 'stopped' }))
  }
  sink.close()
  return file
}

async function exported(
  recording: Recording,
  lake: string,
  options: Partial<ExportOptions>,
): Promise<readonly string[]> {
  try {
    await exportDataset([recording], {
      directory: lake,
      range: spanOf(recording.ticks)!,
      selection: EVERYTHING,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      ...options,
    })
  } finally {
    recording.close()
  }
  return filesIn(lake).map((file) => `${file} ${readFileSync(join(lake, file), 'base64')}`)
}

const filesIn = (lake: string): string[] =>
  readdirSync(lake, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(lake.length))
    .sort()

/** Threads, and how many hours they have written. */
function counted(): { hours: number; readonly writeHours: WriteHours } {
  const threads = threadsFor(3, fromSources)
  const seen = {
    hours: 0,
    writeHours: async (...call: Parameters<WriteHours>) => {
      const results = await threads(...call)
      seen.hours += results?.length ?? 0
      return results
    },
  }
  return seen
}

test('threads write the same bytes as one, in each format, selected, and with a shifted clock', async () => {
  await inFolder(async (folder) => {
    const file = recorded(folder)
    const text = "route ~ '[123]' and status = 200"
    const cases: readonly [offset: number, Partial<ExportOptions>][] = [
      [0, {}],
      [0, { format: TABLE_FORMATS.NDJSON }],
      [0, { selection: splitSelection([parseExpression(text)], text) }],
      [1_234_567, {}],
    ]
    for (const [i, [offset, options]] of cases.entries()) {
      const open = (): Recording => shifted(openRecording(file), offset)
      const threads = counted()
      const apart = await exported(open(), join(folder, `apart${i}`), { ...options, ...threads })
      const one = await exported(open(), join(folder, `one${i}`), options)
      // 14:00 to 24:00; the one hour of the next day is written here.
      assert.equal(threads.hours, 10)
      assert.ok(one.length >= 6)
      assert.deepEqual(apart, one)
    }
  })
})

test('ticks that are damaged are left out by threads, too, however many', async () => {
  await inFolder(async (folder) => {
    const file = recorded(folder)
    const database = openWritable(file)
    for (let tick = 20; tick < 300; tick += 40)
      database.prepare('UPDATE traffic SET requests = requests + 1 WHERE id = ? << 20').run(tick)
    database.close()
    const threads = counted()
    const recording = openRecording(file)
    const apart = await exported(recording, join(folder, 'apart'), threads)
    assert.equal(threads.hours, 10)
    assert.equal(recording.damage.join(), '7 of 330 ticks are lost')
    assert.deepEqual(apart, await exported(openRecording(file), join(folder, 'one'), {}))
  })
})

test('what no other thread can open is exported here', async () => {
  await inFolder(async (folder) => {
    const recording = Object.defineProperty(openRecording(recorded(folder)), 'place', { value: null })
    const threads = counted()
    assert.ok((await exported(recording, join(folder, 'lake'), threads)).length >= 6)
    assert.equal(threads.hours, 0)
  })
})

test('threads that are stopped, or cannot go on, leave nothing behind', async () => {
  await inFolder(async (folder) => {
    const file = recorded(folder)
    const lake = join(folder, 'lake')
    const stop = new AbortController()
    const stopped = {
      writeHours: threadsFor(3, fromSources),
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('stop it')),
    }
    await assert.rejects(exported(openRecording(file), lake, stopped), /stop it/)
    assert.deepEqual(filesIn(lake), [])

    const recording = openRecording(file)
    rmSync(file)
    await assert.rejects(
      exported(recording, lake, { writeHours: threadsFor(3, fromSources) }),
      (error) => error instanceof UserError && error.message.includes('hours.db'),
    )
    assert.deepEqual(filesIn(lake), [])
  })
})
