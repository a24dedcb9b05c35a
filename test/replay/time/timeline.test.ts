import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TickSummary } from '../../../src/frame/model/recording.ts'
import { addMicros, micros, SECOND, wallMicros } from '../../../src/frame/model/units.ts'
import {
  advance,
  atTime,
  faster,
  follow,
  goTo,
  reverse,
  seekBy,
  SPEEDS,
  startingAt,
  step,
  togglePlay,
  untilNextStop,
  type Timeline,
} from '../../../src/replay/time/timeline.ts'
import { Stops, type PlayRules } from '../../../src/replay/time/stops.ts'

const RULES: PlayRules = { loop: false, idleLimit: null }
const START = wallMicros(1_700_000_000_000_000)

interface Shape {
  readonly length: number
  /** µs without ticks before it; 0 for none */
  readonly gap: number
  readonly idle: boolean
}

const shape: fc.Arbitrary<Shape> = fc.record({
  length: fc.oneof(
    fc.integer({ min: 990_000, max: 1_010_000 }),
    fc.integer({ min: 1_600_000, max: 9_000_000 }),
  ),
  gap: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1_000_000, max: 600_000_000 })),
  idle: fc.boolean(),
})
const shapes = fc.array(shape, { minLength: 1, maxLength: 60 })

function ticksOf(of: readonly Shape[]): TickSummary[] {
  let at = START
  return of.map(({ length, gap, idle }, i) => {
    const start = i === 0 ? at : addMicros(at, gap)
    at = addMicros(start, length)
    const requests = idle ? 0 : 10
    return {
      seq: i + 5,
      start,
      length: micros(length),
      requests,
      answered: requests,
      fivexx: 0,
      failures: 0,
      headerSum: micros(requests * 1000),
      gapBefore: i > 0 && gap > 0 ? 'stopped' : null,
    }
  })
}

const stopsOf = (of: readonly Shape[], rules = RULES): Stops => new Stops(ticksOf(of), rules)
const playing = (timeline: Timeline): Timeline => ({ ...timeline, playing: true })

test('every tick and every gap is a stop, ordered by time', () => {
  fc.assert(
    fc.property(shapes, (of) => {
      const stops = stopsOf(of)
      const all = Array.from({ length: stops.count }, (_, i) => stops.at(i))
      assert.deepEqual(
        all.filter(({ kind }) => kind === 'tick').map(({ tick }) => tick),
        of.map((_, i) => i),
      )
      for (let i = 1; i < all.length; i++) assert.ok(all[i]!.from >= all[i - 1]!.to)
      all.forEach((stop, i) => {
        if (stop.kind === 'tick') assert.equal(stops.ofTick(stop.tick), i)
      })
    }),
  )
})

test('seeking to a time gives the same stop as playing to it', () => {
  fc.assert(
    fc.property(shapes, fc.double({ min: 0, max: 0.999, noNaN: true }), (of, part) => {
      const stops = stopsOf(of)
      const [first, last] = [stops.at(0), stops.at(stops.last)]
      const at = addMicros(first.from, Math.floor((last.to - first.from) * part))
      const sought = atTime(startingAt(0), stops, at)
      let timeline = playing(startingAt(0))
      for (let i = 0; i < 10_000 && timeline.playing; i++) {
        const stop = stops.at(timeline.stop)
        if (at >= stop.from && at < stop.to) break
        timeline = advance(timeline, stops, untilNextStop(timeline, stops, RULES) ?? micros(0), RULES)
      }
      assert.equal(timeline.stop, sought.stop)
    }),
  )
})

test('the start time of a stop belongs to it', () => {
  fc.assert(
    fc.property(shapes, (of) => {
      const stops = stopsOf(of)
      for (let i = 0; i < stops.count; i++) assert.equal(stops.ofTime(stops.at(i).from), i)
    }),
  )
})

test('playing backwards for the same time returns to the start', () => {
  const moves = fc.integer({ min: 1, max: 5_000_000 })
  fc.assert(
    fc.property(shapes, moves, moves, fc.constantFrom(...SPEEDS), (of, before, elapsed, speed) => {
      // Without gaps: a gap takes viewer time at the end of a move.
      const stops = stopsOf(of.map((each) => ({ ...each, gap: 0, length: Math.min(each.length, 1_010_000) })))
      const placeOf = ({ stop, played }: Timeline): number => stops.at(stop).from + played
      const begin = advance(playing(startingAt(0, speed)), stops, micros(before), RULES)
      const there = advance(begin, stops, micros(elapsed), RULES)
      if (!there.playing) return
      const back = advance(reverse(there), stops, micros(elapsed), RULES)
      assert.ok(Math.abs(placeOf(back) - placeOf(begin)) < 1, `${placeOf(back)} is not ${placeOf(begin)}`)
    }),
  )
})

test('a step forward and a step back returns to the same stop', () => {
  fc.assert(
    fc.property(shapes, fc.nat(59), (of, from) => {
      const stops = stopsOf(of)
      const begin = goTo(startingAt(0), stops, from)
      if (begin.stop === stops.last) return
      assert.equal(step(step(begin, stops, 1), stops, -1).stop, begin.stop)
    }),
  )
})

test('no gap is skipped at any speed, in both directions', () => {
  fc.assert(
    fc.property(
      shapes,
      fc.constantFrom(...SPEEDS),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 30_000_000 }), { minLength: 200, maxLength: 200 }),
      (of, speed, backwards, elapsed) => {
        const stops = stopsOf(of)
        const begin = playing(startingAt(backwards ? stops.last : 0, speed))
        let timeline: Timeline = { ...begin, direction: backwards ? -1 : 1 }
        const visited = new Set([timeline.stop])
        for (const time of elapsed) {
          timeline = advance(timeline, stops, micros(time), RULES)
          visited.add(timeline.stop)
        }
        const [low, high] = [Math.min(...visited), Math.max(...visited)]
        for (let i = low; i <= high; i++)
          if (stops.at(i).kind === 'gap') assert.ok(visited.has(i), `gap at ${i}`)
      },
    ),
  )
})

test('a gap is shown for one second at every speed', () => {
  const stops = stopsOf([
    { length: 1_000_000, gap: 0, idle: false },
    { length: 1_000_000, gap: 60_000_000, idle: false },
  ])
  for (const speed of SPEEDS) {
    const inGap = advance(playing(startingAt(0, speed)), stops, micros(1_000_000 / speed), RULES)
    assert.equal(stops.at(inGap.stop).kind, 'gap')
    assert.equal(untilNextStop(inGap, stops, RULES), SECOND)
  }
})

test('playing in one piece or in several gives the same place if there is no gap', () => {
  fc.assert(
    fc.property(shapes, fc.array(fc.integer({ min: 1, max: 2_000_000 }), { maxLength: 20 }), (of, pieces) => {
      const stops = stopsOf(of.map((each) => ({ ...each, gap: 0, length: Math.min(each.length, 1_010_000) })))
      const whole = advance(playing(startingAt(0)), stops, micros(pieces.reduce((a, b) => a + b, 0)), RULES)
      const parts = pieces.reduce(
        (t, piece) => advance(t, stops, micros(piece), RULES),
        playing(startingAt(0)),
      )
      assert.equal(parts.stop, whole.stop)
      assert.ok(Math.abs(parts.played - whole.played) < 1)
    }),
  )
})

test('play stops at either end, or starts again with --loop', () => {
  const stops = stopsOf(Array.from({ length: 3 }, () => ({ length: 1_000_000, gap: 0, idle: false })))
  const over = advance(playing(startingAt(0)), stops, micros(10_000_000), RULES)
  assert.deepEqual([over.stop, over.playing], [2, false])
  const again = togglePlay(over, stops, RULES)
  assert.deepEqual([again.stop, again.playing], [0, true])
  const rules: PlayRules = { loop: true, idleLimit: null }
  const round = advance(playing(startingAt(0)), stops, micros(3_500_000), rules)
  assert.deepEqual([round.stop, round.playing], [0, true])
  assert.equal(advance(round, stops, micros(1_500_000), rules).stop, 1)
})

test('idle time is played at most for the limit, and every busy second completely', () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 1, max: 3_000_000 }), (of, limit) => {
      const rules: PlayRules = { loop: false, idleLimit: micros(limit) }
      const stops = stopsOf(of, rules)
      let run = 0
      for (let i = 0; i < stops.count; i++) {
        const stop = stops.at(i)
        const duration = stops.duration(i, 1, rules)
        if (stop.kind === 'gap') continue
        if (of[stop.tick]!.idle) run += duration
        else {
          run = 0
          assert.equal(duration, stop.to - stop.from)
        }
        assert.ok(run <= limit + 1, `${run} of ${limit}`)
      }
    }),
  )
})

test('a seek moves at least to the next stop, and by about the given time', () => {
  const stops = stopsOf(Array.from({ length: 300 }, () => ({ length: 1_000_300, gap: 0, idle: false })))
  const begin = goTo(startingAt(0), stops, 100)
  assert.equal(seekBy(begin, stops, 1_000_000).stop, 101)
  assert.equal(seekBy(begin, stops, -1_000_000).stop, 99)
  assert.equal(seekBy(begin, stops, 10_000_000).stop, 110)
  assert.equal(seekBy(begin, stops, 60_000_000).stop, 160)
  assert.equal(seekBy(begin, stops, -600_000_000).stop, 0)
})

test('stepping and seeking work after the clock was set back', () => {
  const ticks = ticksOf(Array.from({ length: 20 }, () => ({ length: 1_000_000, gap: 0, idle: false })))
  const stepped = ticks.map((tick, i) =>
    i < 10 ? tick : { ...tick, start: addMicros(tick.start, -30_000_000) },
  )
  const stops = new Stops(stepped)
  assert.equal(stops.count, 20)
  assert.equal(seekBy(goTo(startingAt(0), stops, 5), stops, 10_000_000).stop, 15)
})

test('the speed is between 0.25 and 64', () => {
  let timeline = startingAt(0)
  for (let i = 0; i < 20; i++) timeline = faster(timeline, 1)
  assert.equal(timeline.speed, 64)
  for (let i = 0; i < 20; i++) timeline = faster(timeline, -1)
  assert.equal(timeline.speed, 0.25)
})

test('following stays on the newest tick, and any move ends it', () => {
  const stops = stopsOf(Array.from({ length: 5 }, () => ({ length: 1_000_000, gap: 0, idle: false })))
  const live = follow(startingAt(0), stops)
  assert.deepEqual([live.stop, live.following], [4, true])
  assert.equal(seekBy(live, stops, -1_000_000).following, false)
  const still = togglePlay(live, stops, RULES)
  assert.deepEqual([still.stop, still.following, still.playing], [4, false, false])
  assert.equal(togglePlay(still, stops, RULES).playing, true)
})
