import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { clockError, elapsedOf } from '../../../src/frame/time/elapsed.ts'
import type { GapReason } from '../../../src/frame/model/frame.ts'
import type { TickSummary } from '../../../src/frame/model/recording.ts'
import { micros, wallMicros } from '../../../src/frame/model/units.ts'

const NOW = 1_795_356_000
const tick = (seq: number, start: number, gapBefore: GapReason | null = null): TickSummary => ({
  seq,
  start: wallMicros((NOW + start) * 1e6),
  length: micros(1e6),
  requests: 1,
  answered: 1,
  fivexx: 0,
  failures: 0,
  headerSum: micros(0),
  gapBefore,
})
const seconds = (ticks: readonly TickSummary[]): number => elapsedOf(ticks) / 1e6

describe('the time that passed', () => {
  it('is that of the wall clock while it is not set, with gaps', () => {
    assert.equal(seconds([]), 0)
    assert.equal(seconds([tick(0, 0), tick(1, 1), tick(2, 9, 'stopped')]), 10)
    assert.equal(seconds([tick(0, 0), tick(4, 4)]), 5)
    assert.equal(clockError([tick(0, 0), tick(1, 1), tick(2, 9, 'stopped')]), 0)
  })

  it('does not contain a step of the clock, forward or back', () => {
    assert.equal(seconds([tick(0, -NOW), tick(1, 1 - NOW), tick(2, 2), tick(3, 3)]), 4)
    assert.equal(seconds([tick(0, 0), tick(1, 1), tick(2, -500), tick(3, -499)]), 4)
    assert.equal(seconds([tick(0, 0), tick(1, 1), tick(2, -500, 'stopped'), tick(3, -499)]), 4)
  })

  it('is the length of the ticks if none is missing, whatever the clock is set to', () => {
    const steps = fc.array(fc.constantFrom(0, 0, 0, 1, -1, 3600, -86_400, NOW), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (list) => {
        let at = 0
        const ticks = list.map((by, i) => tick(i, (at += 1 + by)))
        assert.equal(seconds(ticks), ticks.length)
      }),
    )
  })
})
