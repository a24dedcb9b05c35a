import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { changesBetween, gateValue, type Side } from '../../../src/frame/views/compare.ts'
import { parseExpression } from '../../../src/frame/expression/expression-parser.ts'
import { micros } from '../../../src/frame/model/units.ts'
import { distribution } from '../../report/fake.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../../src/frame/model/nothing.ts'

interface Of {
  readonly requests: number
  readonly fivexx?: number
  readonly resets?: number
  readonly inFlight?: number
  readonly times?: readonly number[]
  readonly seconds?: number
}

function side({ requests, fivexx = 0, resets = 0, inFlight = 0, times = [], seconds = 60 }: Of): Side {
  const answered = requests - resets
  return {
    line: {
      ...NO_COUNTS,
      requests,
      answered,
      inFlight,
      codes: [200, answered - fivexx, 500, fivexx],
      failures: { ...NO_COUNTS.failures, reset: resets },
      header: distribution(times),
      connection: NO_CONNECTIONS,
    },
    span: { length: micros(seconds * 1e6), coverage: 1 },
  }
}

describe('a comparison', () => {
  it('is relative for rates and times, in percentage points for shares', () => {
    const changes = changesBetween(
      side({ requests: 1000, fivexx: 10, times: [1000] }),
      side({ requests: 1500, fivexx: 150, resets: 15, times: [2000] }),
    )
    assert.ok(Math.abs(changes.rps.change! - 0.5) < 1e-12)
    assert.equal(changes.p50.change, 1)
    assert.ok(Math.abs(changes.fivexx.change! - (150 / 1485 - 10 / 1000)) < 1e-12)
    assert.equal(changes.failures.change, 15 / 1500)
  })

  it('of a range with itself is no change and noise', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.array(fc.integer({ min: 1, max: 1e7 }), { minLength: 1, maxLength: 50 }),
        (requests, times) => {
          const same = side({ requests, fivexx: Math.floor(requests / 7), times })
          const { rps, fivexx, failures, p50, p99 } = changesBetween(same, same)
          for (const { change, noise } of [rps, fivexx, failures, p50, p99]) {
            assert.ok(change === null || (change === 0 && noise === true))
          }
        },
      ),
    )
  })

  it('marks a small difference as noise, and a large one not', () => {
    const base = side({ requests: 1000, fivexx: 10 })
    assert.equal(changesBetween(base, side({ requests: 1010, fivexx: 12 })).fivexx.noise, true)
    assert.equal(changesBetween(base, side({ requests: 1010, fivexx: 12 })).rps.noise, true)
    assert.equal(changesBetween(base, side({ requests: 1000, fivexx: 60 })).fivexx.noise, false)
    assert.equal(changesBetween(base, side({ requests: 1400, fivexx: 14 })).rps.noise, false)
    assert.equal(changesBetween(side({ requests: 2 }), side({ requests: 2, fivexx: 1 })).fivexx.noise, true)
  })

  it('marks two samples of one distribution as noise in 95 of 100 cases, at any percentile', () => {
    let seed = 7
    const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
    const sample = (factor: number): number[] =>
      Array.from({ length: 500 }, () => Math.round(factor * 1000 * Math.exp(2 * random() + random())))
    let wrong = 0
    let missed = 0
    for (let i = 0; i < 100; i++) {
      const base = side({ requests: 500, times: sample(1) })
      const same = changesBetween(base, side({ requests: 500, times: sample(1) }))
      const slower = changesBetween(base, side({ requests: 500, times: sample(2) }))
      if (same.p50.noise === false || same.p99.noise === false) wrong++
      if (slower.p50.noise === true) missed++
    }
    assert.ok(wrong <= 5, `${wrong} of 100 called real`)
    assert.equal(missed, 0)
  })

  it('has no result if one side has no data', () => {
    const { p99, fivexx, rps } = changesBetween(side({ requests: 0 }), side({ requests: 5, times: [1] }))
    assert.deepEqual([p99.change, p99.noise, fivexx.noise], [null, null, null])
    assert.equal(rps.change, Infinity)
  })
})

describe('a gate', () => {
  const base = side({ requests: 600, fivexx: 6, inFlight: 10, times: [100_000] })
  const target = side({ requests: 600, fivexx: 18, inFlight: 15, times: [150_000], seconds: 30 })
  const value = (text: string): number | null => {
    const test = parseExpression(text)
    assert.ok(test.kind === 'measure')
    return gateValue(test, base, target)
  }
  it('with a sign compares the change, without a sign the target', () => {
    assert.equal(value('p99 > +20%'), 0.5)
    assert.equal(value('p99 > +20ms'), 50_000)
    assert.equal(value('p99 > 20ms'), 150_000)
    assert.ok(Math.abs(value('5xx > +1pp')! - 0.02) < 1e-12)
    assert.ok(Math.abs(value('5xx > +1%')! - 2) < 1e-12)
    assert.equal(value('5xx > +1'), 12)
    assert.equal(value('requests > +1%'), 1)
    assert.equal(value('rps < -10%'), 1)
    assert.equal(value('in_flight > +20%'), 0.5)
    assert.equal(value('total.p99 > +1%'), null)
  })
})
