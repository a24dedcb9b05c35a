/** Shared helpers for tests of hostile files: a small recording, changes to it, and a reader that calls every function. */
import assert from 'node:assert/strict'
import Sqlite from 'better-sqlite3'
import { UserError } from '../../src/errors.ts'
import { wallMicros } from '../../src/frame/model/units.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { writeSample } from '../torture/sample.ts'

export const SAMPLE = { secs: 70, rps: 20, backends: 2, routes: 4, requests: 3 }

export const note = { at: wallMicros(1_795_356_010_000_000), kind: 'note', text: 'a note' } as const

export const refused =
  (exitCode: number, words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof UserError && error.exitCode === exitCode && words.test(error.message)

/** Calls every reading function. Returns the number of ticks, at most as many as were written. */
export function readAll(file: string): { readonly ticks: number; readonly damage: readonly string[] } {
  const recording = openRecording(file)
  try {
    const { ticks, info } = recording
    for (const { seq } of ticks) recording.frame(seq)
    const range = { from: ticks[0]?.seq ?? 0, to: (ticks.at(-1)?.seq ?? -1) + 1 }
    recording.aggregate(range)
    recording.activity(range)
    assert.ok([...recording.requests(range)].length >= 0)
    assert.ok([...recording.checkTicks()].length >= 0)
    assert.ok(info.ticks <= SAMPLE.secs + 1)
    return { ticks: recording.ticks.length, damage: recording.damage }
  } finally {
    recording.close()
  }
}

/** Writes the sample and changes it by SQL. */
export function changed(file: string, sql: string): void {
  writeSample(file, SAMPLE)
  const database = new Sqlite(file)
  database.unsafeMode(true)
  database.exec(sql)
  database.close()
}

export const columnsOf = (file: string): string => {
  const database = new Sqlite(file, { readonly: true })
  const names = database
    .prepare("SELECT name FROM pragma_table_info('tick') WHERE name != 'seq'")
    .pluck()
    .all()
  database.close()
  return names.join(',')
}
