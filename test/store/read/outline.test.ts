import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addMicros, wallMicros } from '../../../src/frame/model/units.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { openRecording, type StoredRecording } from '../../../src/store/read/reader.ts'

const FOLDER = join(import.meta.dirname, '../../../fixtures/recordings')
const FILES = readdirSync(FOLDER).filter((name) => /\.db(\.gz)?$/.test(name) && opens(name))

function opens(name: string): boolean {
  try {
    openRecording(join(FOLDER, name)).close()
    return true
  } catch {
    return false
  }
}

function opened<T>(name: string, outline: boolean, use: (recording: StoredRecording) => T): T {
  const recording = openRecording(join(FOLDER, name), { outline })
  try {
    return use(recording)
  } finally {
    recording.close()
  }
}

for (const name of FILES) {
  test(`${name}: an outline has the same info as the whole recording`, () => {
    const whole = opened(name, false, ({ info }) => info)
    assert.deepEqual(
      opened(name, true, ({ info }) => info),
      whole,
    )
  })

  test(`${name}: around a time it has the same ticks as the whole recording`, () => {
    const ticks = opened(name, false, (recording) => recording.ticks)
    const span = spanOf(ticks) ?? { from: wallMicros(0), to: wallMicros(0) }
    for (const place of [0, 0.3, 0.5, 0.77, 1]) {
      const from = addMicros(span.from, Math.floor((span.to - span.from) * place))
      const to = addMicros(from, 20_000_000)
      const part = opened(name, true, (recording) => {
        recording.focus({ from, to })
        return recording.ticks
      })
      assert.deepEqual(
        part,
        ticks.filter(({ seq }) => seq >= part[0]!.seq && seq <= part.at(-1)!.seq),
      )
      const missed = ticks.filter(
        ({ seq, start }) => start >= from && start <= to && !part.some((tick) => tick.seq === seq),
      )
      assert.deepEqual(missed, [])
    }
  })
}

test('focus reads only a part of a long recording, and the first refresh reads all of it', () => {
  opened('incident.db', true, (recording) => {
    const unread: number = recording.ticks.length
    assert.equal(unread, 0)
    const { start, ticks } = recording.info
    const from = addMicros(start, 200_000_000)
    recording.focus({ from, to: from })
    assert.ok(recording.ticks.length > 60 && recording.ticks.length < ticks / 2, `${recording.ticks.length}`)
    assert.equal(recording.refresh(), true)
    assert.equal(recording.ticks.length, ticks)
    assert.equal(recording.ticks[0]!.start, start)
  })
})

test('if the clock was set, all is read at once: ticks are not ordered by time', () => {
  opened('clock-step.db', true, (recording) => {
    assert.equal(recording.ticks.length, recording.info.ticks)
  })
})
