/** A disk that fills up and gets free space again: the recorder goes on in memory, warns once, and the file shows the gap. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { silent, type Folder } from './kit.ts'
import { sampleFrames } from './sample.ts'

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }

export const fullDisk = (folder: Folder): Promise<string> => onSmallDisk(folder, '2m', fillUp)
export const minFree = (folder: Folder): Promise<string> => onSmallDisk(folder, '8m', leaveRoom)

/** Mounts a small tmpfs: needs root. */
export async function onSmallDisk(
  folder: Folder,
  size: string,
  use: (disk: string) => Promise<string>,
): Promise<string> {
  const disk = join(folder.path, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk])
  try {
    return await use(disk)
  } finally {
    execFileSync('umount', [disk])
  }
}

/** `--min-free`: below that limit, new ticks replace the oldest. */
async function leaveRoom(disk: string): Promise<string> {
  const file = join(disk, 'x.db')
  const sink = createRecording(file, META, { minFree: 4e6 })
  let least = Infinity
  for (const frame of sampleFrames({ secs: 1500, rps: 250, routes: 20, backends: 4 })) {
    sink.append(frame)
    const { bavail, bsize } = statfsSync(disk)
    least = Math.min(least, bavail * bsize)
  }
  sink.close()
  const verdict = await checkRecording(file, silent)
  assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
  assert.ok(verdict.ticks > 200 && verdict.ticks < 1500, `${verdict.ticks} ticks`)
  assert.ok(least >= 4e6, `${least} bytes were free`)
  return `--min-free 4MB on 8 MB: ${(least / 1e6).toFixed(1)} MB free at the least, the last ${verdict.ticks} of 1500 ticks kept`
}

async function fillUp(disk: string): Promise<string> {
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
  // A single tick may fit in between.
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
