/** Truncated files, zeroed pages and flipped bits: what is read is correct, and damaged parts are not read. */
import assert from 'node:assert/strict'
import { ofFrame } from '../../src/frame/sum/merge.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { UserError } from '../../src/errors.ts'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { allPages, openPages, rowsOfPage } from '../../src/store/file/pages.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { ROWS_PER_TICK, TICK_COLUMNS } from '../../src/store/format/schema.ts'
import type { Folder } from './kit.ts'
import { writeSample } from './sample.ts'

const PAGE = 4096

/** Checks that every readable frame equals the written one. Returns their number; 0 if the file is refused with a UserError. */
export function readable(file: string, frames: readonly SecondFrame[]): number {
  try {
    const recording = openRecording(file, { verify: true })
    let count = 0
    for (const { seq } of recording.ticks) {
      const frame = recording.frame(seq)
      if (frame === null) continue
      assert.deepEqual(ofFrame(frame).totals, ofFrame(frames[seq]!).totals, `tick ${seq} is wrong`)
      assert.equal(frame.requests.length, frames[seq]!.requests.length)
      count++
    }
    const { totals } = recording.aggregate({ from: 0, to: frames.length })
    const most = frames.reduce((sum, frame) => sum + ofFrame(frame).totals.requests, 0)
    assert.ok(totals.requests <= most)
    recording.close()
    return count
  } catch (error) {
    if (error instanceof UserError && error.exitCode === 5) return 0
    throw error
  }
}

/** Truncates at every page: the ticks before the cut are readable. */
export function truncation(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const file = folder.file('whole.db')
  const frames = writeSample(file, { secs: 240, rps: 150 })
  const bytes = readFileSync(file)
  const pages = bytes.length / PAGE
  const lastPages = lastPageOfTicks(bytes, frames.length)
  const cut = folder.file('cut.db')
  let worst = 1
  for (let round = 0; round < Math.min(rounds, pages); round++) {
    const kept = rounds >= pages ? round : Math.floor(random() * pages)
    const torn = Math.floor(random() * PAGE)
    writeFileSync(cut, bytes.subarray(0, kept * PAGE + torn))
    const saved = readable(cut, frames)
    const expected = lastPages.filter((page) => page <= kept).length
    if (expected > 0) worst = Math.min(worst, saved / expected)
    assert.ok(
      saved >= 0.99 * expected,
      `cut at page ${kept} of ${pages}: ${saved} of ${expected} ticks saved`,
    )
  }
  return Promise.resolve(
    `cut off at ${Math.min(rounds, pages)} places: at least ${(worst * 100).toFixed(1)} % of the ticks whose pages are there`,
  )
}

/** For each tick, the last page that has a row of it or of a name table. */
function lastPageOfTicks(bytes: Buffer, ticks: number): number[] {
  const last = new Array<number>(ticks).fill(0)
  let names = 0
  const source = openPages(bytes, PAGE)
  for (const [number, page] of allPages(source)) {
    for (const { rowid, columns } of rowsOfPage(page, number, source)) {
      // The rows of request_chunk have three columns.
      const isByTick = columns === TICK_COLUMNS.length || columns === 3
      const tick = isByTick ? rowid : Math.floor(rowid / ROWS_PER_TICK)
      if (columns === 4 || (columns === 3 && rowid < 20)) names = Math.max(names, number)
      if (tick < ticks) last[tick] = Math.max(last[tick]!, number)
    }
  }
  return last.map((page) => Math.max(page, names))
}

/** Overwrites one page with zeros. */
export function holes(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const file = folder.file('whole.db')
  const frames = writeSample(file, { secs: 240, rps: 150 })
  const bytes = readFileSync(file)
  const pages = bytes.length / PAGE
  const holed = folder.file('holed.db')
  let worst = frames.length
  for (let round = 0; round < rounds; round++) {
    // With enough rounds: every page once.
    const page = rounds >= pages ? 1 + (round % (pages - 1)) : 1 + Math.floor(random() * (pages - 1))
    writeFileSync(holed, Buffer.from(bytes).fill(0, page * PAGE, (page + 1) * PAGE))
    const saved = readable(holed, frames)
    worst = Math.min(worst, saved)
    assert.ok(saved > 0, `without page ${page + 1} of ${pages} nothing can be read`)
  }
  return Promise.resolve(`${rounds} × a page of zeros: at least ${worst} of ${frames.length} ticks saved`)
}

/** Flips single bits, except in the 100-byte header that identifies the file. */
export function flips(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const file = folder.file('whole.db')
  const frames = writeSample(file, { secs: 120, rps: 100 })
  const bytes = readFileSync(file)
  const flipped = folder.file('flipped.db')
  let [refused, least] = [0, frames.length]
  for (let round = 0; round < rounds; round++) {
    const copy = Buffer.from(bytes)
    const at = 100 + Math.floor(random() * (copy.length - 100))
    copy[at] = copy[at]! ^ (1 << Math.floor(random() * 8))
    writeFileSync(flipped, copy)
    const saved = readable(flipped, frames)
    if (saved === 0) refused++
    else least = Math.min(least, saved)
  }
  return Promise.resolve(
    `${rounds} × a flipped bit: no wrong number, ${refused} files refused, else at least ${least} of ${frames.length} ticks`,
  )
}
