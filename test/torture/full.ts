/** A disk that fills up and is emptied again: the recorder goes on in memory, says so once, and the file shows what is missing. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkRecording } from '../../src/store/check.ts'
import { openRecording } from '../../src/store/reader.ts'
import { createRecording } from '../../src/store/writer.ts'
import { silent, type Folder } from './kit.ts'
import { sampleFrames } from './sample.ts'

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }

/** Needs root, for a small tmpfs. */
export async function fullDisk(folder: Folder): Promise<string> {
  const disk = join(folder.path, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk])
  try {
    return await onDisk(disk)
  } finally {
    execFileSync('umount', [disk])
  }
}

async function onDisk(disk: string): Promise<string> {
  const file = join(disk, 'x.db')
  const ballast = join(disk, 'ballast')
  const said: string[] = []
  const sink = createRecording(file, META, { warn: (text) => said.push(text) })
  let n = 0
  let filledAt = 0
  for (const frame of sampleFrames({ secs: 400, rps: 80 })) {
    if (n === 30) fill(ballast)
    if (said.length === 1 && filledAt === 0) filledAt = n
    if (filledAt > 0 && n === filledAt + 90) rmSync(ballast)
    sink.append(frame)
    n++
    if (filledAt > 0 && n === filledAt + 100) break
  }
  sink.close()
  const verdict = await checkRecording(file, silent)
  assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
  const recording = openRecording(file)
  const { gaps } = recording
  const missing = n - recording.ticks.length
  recording.close()
  // A single tick may find room in between.
  assert.ok(missing >= 25 && missing <= 35, `${missing} ticks are missing`)
  assert.ok(gaps.every(({ reason }) => reason === 'disk_full'))
  assert.equal(Math.round(gaps.reduce((sum, { from, to }) => sum + (to - from) / 1e6, 0)), missing)
  assert.equal(said.length, 2, said.join('; '))
  return `full for 90 ticks at tick ${filledAt} of ${n}: ${missing} missing, said "${said.join('" and "')}"`
}

function fill(file: string): void {
  try {
    for (let i = 0; i < 100; i++) appendFileSync(file, Buffer.alloc(65_536))
  } catch {
    try {
      for (let i = 0; i < 100; i++) appendFileSync(file, Buffer.alloc(1024))
    } catch {
      return
    }
  }
}
