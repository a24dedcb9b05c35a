/** A recorder that ends removes its -wal while a reader opens the file. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openRecording } from '../../src/store/read/reader.ts'

test('a side file that vanishes while the recording is opened is no error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-vanishing-'))
  const file = join(folder, 'recorded.db')
  copyFileSync('fixtures/recordings/lone-wal.db', file)
  const makeAndRemove = `
    const { writeFileSync, unlinkSync } = require('node:fs'), { parentPort, workerData } = require('node:worker_threads')
    let over = false
    parentPort.on('message', () => (over = true))
    const next = () => {
      for (let i = 0; i < 50; i++) {
        writeFileSync(workerData, Buffer.alloc(4096))
        unlinkSync(workerData)
      }
      if (over) parentPort.close()
      else setImmediate(next)
    }
    next()`
  const worker = new Worker(makeAndRemove, { eval: true, workerData: `${file}-wal` })
  try {
    for (let n = 0; n < 150; n++) {
      const recording = openRecording(file)
      assert.equal(recording.ticks.length, 90)
      recording.close()
    }
  } finally {
    worker.postMessage('over')
    await new Promise((resolve) => worker.once('exit', resolve))
    rmSync(folder, { recursive: true })
  }
})
