import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { burstStarts, changesAt, nearest, slowdownStarts } from '../../../src/frame/time/jumps.ts'
import type { TickSummary } from '../../../src/frame/model/recording.ts'
import { micros, wallMicros } from '../../../src/frame/model/units.ts'

/** Pseudo-random numbers, the same every time. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function poisson(mean: number, random: () => number): number {
  let count = 0
  for (let product = random(); product > Math.exp(-mean); product *= random()) count++
  return count
}

interface Second {
  readonly requests: number
  readonly bad?: number
  readonly headerMs?: number
}

const ticks = (seconds: readonly Second[]): TickSummary[] =>
  seconds.map(({ requests, bad = 0, headerMs = 5 }, seq) => ({
    seq,
    start: wallMicros(1e15 + seq * 1e6),
    length: micros(1_000_000),
    requests,
    answered: requests,
    fivexx: bad,
    failures: 0,
    headerSum: micros(Math.round(requests * headerMs * 1000)),
    gapBefore: null,
  }))

const quiet = (count: number, seed: number, errors: number): Second[] => {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, i) => ({
    requests: 100 + Math.round(20 * Math.sin(i / 300)),
    bad: poisson(errors, random),
    headerMs: 5 * (0.9 + 0.2 * random()),
  }))
}

test('a burst of 5xx is found at its first second, with few and with many other errors', () => {
  for (const errors of [0, 0.3, 2]) {
    for (let seed = 1; seed <= 20; seed++) {
      const seconds = quiet(300, seed, errors)
      for (let i = 200; i < 210; i++) seconds[i] = { ...seconds[i]!, bad: 25 }
      assert.deepEqual(burstStarts(ticks(seconds)), [200], `errors ${errors}, seed ${seed}`)
    }
  }
})

test('a weak but long burst is found within its first seconds', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const seconds = quiet(300, seed, 0.2)
    for (let i = 200; i < 230; i++) seconds[i] = { ...seconds[i]!, bad: 4 }
    const [start = -1, ...more] = burstStarts(ticks(seconds))
    assert.ok(start >= 198 && start <= 203, `seed ${seed}: ${start}`)
    assert.deepEqual(more, [])
  }
})

test('ordinary errors over a day are no burst', () => {
  for (const errors of [0, 0.1, 1, 5])
    assert.deepEqual(burstStarts(ticks(quiet(86_400, 7, errors))), [], `${errors}`)
})

test('a slow-down that lasts is found at its beginning; a single slow second is none', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const seconds = quiet(300, seed, 0)
    seconds[100] = { requests: 100, headerMs: 50 }
    for (let i = 200; i < 230; i++) seconds[i] = { requests: 100, headerMs: 11 }
    assert.deepEqual(slowdownStarts(ticks(seconds)), [200], `seed ${seed}`)
  }
})

test('a daily pattern and noise are no slow-down', () => {
  const seconds = quiet(86_400, 3, 0).map((second, i) => ({
    ...second,
    headerMs: (second.headerMs ?? 5) * (1 + 0.5 * Math.sin((2 * Math.PI * i) / 86_400)),
  }))
  assert.deepEqual(slowdownStarts(ticks(seconds)), [])
})

test('seconds without answers neither begin nor end a slow-down', () => {
  const seconds = quiet(300, 5, 0)
  for (let i = 150; i < 200; i++) seconds[i] = { requests: 0 }
  assert.deepEqual(slowdownStarts(ticks(seconds)), [])
})

test('the nearest place is never the current one', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), fc.nat(50), (unsorted, from) => {
      const places = [...unsorted].sort((a, b) => a - b)
      const [next, before] = [nearest(places, from, 1), nearest(places, from, -1)]
      assert.equal(next, places.find((place) => place > from) ?? null)
      assert.equal(before, places.findLast((place) => place < from) ?? null)
    }),
  )
})

test('a backend vanishes and appears at the exact ticks', () => {
  const busyAt = (tick: number): ReadonlySet<string> =>
    new Set(['always', ...(tick < 40 || tick >= 70 ? ['away'] : []), ...(tick % 12 === 0 ? ['seldom'] : [])])
  const found = Array.from({ length: 100 }, (_, tick) =>
    tick === 0 ? [] : changesAt(tick, 100, busyAt),
  ).flat()
  assert.deepEqual(found, [
    { tick: 40, backend: 'away', change: 'vanishes' },
    { tick: 70, backend: 'away', change: 'appears' },
  ])
})
