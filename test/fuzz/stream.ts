/** The real recorder on a hostile helper: it must end well, say so without a stack, and have every tick. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { openRecording } from '../../src/store/read/reader.ts'
import { PER_TICK, REQUESTS } from './stream-lines.ts'

const ROOT = join(import.meta.dirname, '../..')
const NODE = [process.execPath, '--import', 'tsx'] as const

/** @param file the recording, which must not exist @throws AssertionError for a finding */
export async function recordStream(seed: number, mutated: number, file: string): Promise<void> {
  const probe = [...NODE, 'test/fuzz/stream-lines.ts', seed, mutated].join(' ')
  const [node, ...words] = [...NODE, 'src/main.ts', 'record', '--out', file, '--probe', probe]
  const child = spawn(node, words, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')])
  assert.equal(child.exitCode, 0, stderr)
  assert.doesNotMatch(stderr, /this is a bug|^ {4}at /m)
  const recording = openRecording(file)
  try {
    const ticks = Math.ceil(mutated / PER_TICK)
    assert.equal(recording.ticks.length, ticks)
    assert.deepEqual(
      [...new Set(recording.ticks.map(({ length, requests }) => `${length} ${requests}`))],
      [`1000000 ${REQUESTS[0] + REQUESTS[1]}`],
    )
    assert.deepEqual(recording.damage, [])
  } finally {
    recording.close()
  }
}
