import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JumpKind } from '../../../src/replay/player/bindings.ts'
import { findJump, searchBackends } from '../../../src/replay/player/jumping.ts'
import { Stops } from '../../../src/replay/time/stops.ts'
import { openRecording } from '../../../src/store/read/reader.ts'

/** Seconds from the start at which the first key press lands; null if nowhere. */
function landing(name: string, kind: JumpKind): number | null {
  const recording = openRecording(join(import.meta.dirname, '../../../fixtures/recordings', name))
  try {
    const stops = new Stops(recording.ticks)
    const stop = kind === 'backend' ? backendStop() : (findJump(kind, 1, 0, recording, stops)?.stop ?? null)
    return stop === null ? null : Math.round((stops.at(stop).from - recording.info.start) / 1e6)

    function backendStop(): number | null {
      const search = searchBackends(1, 0, recording)
      let next = search.next()
      while (next.done !== true) next = search.next()
      return next.value === null ? null : stops.ofSeq(next.value.seq)
    }
  } finally {
    recording.close()
  }
}

test('one key from the start lands on each incident of incident.db', () => {
  assert.equal(landing('incident.db', 'trouble'), 60)
  assert.equal(landing('incident.db', 'slow'), 160)
  assert.equal(landing('incident.db', 'backend'), 280)
  assert.equal(landing('incident.db', 'gap'), 400)
  // The marker is at 15:00:58.000; the tick of that second began some µs later.
  assert.equal(landing('incident.db', 'marker'), 58)
})

test('the markers of future-columns.db and clock-step.db are one key away', () => {
  assert.equal(landing('future-columns.db', 'marker'), 5)
  assert.equal(landing('clock-step.db', 'marker'), -10)
})

test('the gap of gap.db and the clock step of clock-step.db are one key away', () => {
  assert.equal(landing('gap.db', 'gap'), 30)
  assert.notEqual(landing('clock-step.db', 'marker'), null)
})

test('in a quiet recording no jump finds anything', () => {
  for (const kind of ['trouble', 'slow', 'backend', 'gap', 'marker'] as const) {
    assert.equal(landing('whole.db', kind), null, kind)
  }
})
