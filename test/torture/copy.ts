/** Copies only the main file during recording: every tick older than ten seconds is there and correct. */
import assert from 'node:assert/strict'
import { closeSync, copyFileSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openRecording } from '../../src/store/read/reader.ts'
import { Child } from './child.ts'
import type { Folder } from './kit.ts'

const ALLOWED = 10
/** ms per tick of this recorder: a copy that takes two ticks corresponds to one of 2 s. */
const PAUSE = 15

export async function copyLoop(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const file = folder.file('copied.db')
  const child = new Child({ file, ticks: 100_000, pause: PAUSE, rps: 400 })
  let [most, torn] = [0, 0]
  try {
    await child.reached(20)
    for (let round = 0; round < rounds; round++) {
      await setTimeout(random() * 4 * PAUSE)
      const committed = child.committed
      const copy = folder.file(`copy-${round}.db`)
      if (round % 2 === 0) copyFileSync(file, copy)
      else await copySlowly(file, copy, random)
      const recording = openRecording(copy)
      const there = new Set(recording.ticks.map(({ seq }) => seq))
      for (let seq = 0; seq <= committed - ALLOWED; seq++) {
        assert.ok(
          there.has(seq) && recording.isWhole(seq),
          `tick ${seq} of ${committed} is missing in ${copy}`,
        )
      }
      if (recording.damage.length > 0) torn++
      most = Math.max(most, committed + 1 - recording.ticks.length)
      recording.close()
      folder.remove(copy)
    }
  } finally {
    await child.kill()
  }
  return `${rounds} × cp of the lone file: at most the last ${most} ticks missing, ${torn} copies torn and read around`
}

/** Like cp of a large file: the recorder checkpoints between two parts, and the copy is torn. Takes a few ticks. */
export async function copySlowly(from: string, to: string, random: () => number): Promise<void> {
  const [source, target] = [openSync(from, 'r'), openSync(to, 'wx')]
  try {
    const size = fstatSync(source).size
    const part = Buffer.alloc(4096 * Math.ceil((size / 4096) * (0.3 + random() / 3)))
    for (let read = readSync(source, part); read > 0; read = readSync(source, part)) {
      writeSync(target, part, 0, read)
      await setTimeout(random() * 2 * PAUSE)
    }
  } finally {
    closeSync(source)
    closeSync(target)
  }
}
