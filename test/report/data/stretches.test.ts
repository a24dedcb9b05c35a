import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf, type TimeSpan } from '../../../src/frame/time/time.ts'
import { addMicros, micros, wallMicros } from '../../../src/frame/model/units.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { readRange } from '../../../src/report/data/reading.ts'
import { StepGrid, stretchesOf } from '../../../src/report/data/stretches.ts'
import { FORMATS } from '../../../src/report/formats/formats.ts'
import { unpackPicture } from '../../../src/report/picture/packed-picture.ts'
import { reportOf, type Report } from '../../../src/report/formats/report.ts'
import { backend, frame, recording, route, START } from '../fake.ts'

const YEAR = 365 * 86_400
const DAY = 86_400

/** Seconds of a backend, of which `bad` fail. @param at when each second begins, from START */
const seconds = (at: readonly number[], bad: (i: number) => boolean = () => false): Recording =>
  recording(
    at.map((second, i) =>
      frame(i, addMicros(START, second * 1e6), [
        {
          backend: backend('10.0.1.10:8080'),
          route: route('GET', '/a'),
          times: Array.from({ length: 20 }, (_, k) => 900 + ((k * 37 + i * 11) % 100)),
          codes: bad(i) ? [500] : [200],
        },
      ]),
    ),
  )

const upTo = (count: number, offset: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => i + offset(i))

function rangeOf(recordings: readonly Recording[]): TimeSpan {
  const spans = recordings.map(({ ticks }) => spanOf(ticks)!)
  return {
    from: wallMicros(Math.min(...spans.map(({ from }) => from))),
    to: wallMicros(Math.max(...spans.map(({ to }) => to))),
  }
}

const report = (recordings: readonly Recording[]): Report =>
  reportOf(recordings, {
    query: { range: rangeOf(recordings), selection: EVERYTHING, order: BY_REQUESTS, top: null },
    by: null,
    timeZone: 'UTC',
    command: '',
    points: 88,
    slowest: true,
  })

const stepsOf = (recordings: readonly Recording[]): number =>
  readRange(recordings, rangeOf(recordings), EVERYTHING).series.count

describe('work follows the ticks, not the wall span', () => {
  for (const [what, step] of [
    ['from 1970 to now', 56 * YEAR],
    ['a day forward', DAY],
    ['a year back', -YEAR],
  ] as const) {
    it(`when the clock is set ${what}: as many steps as without it, and the same findings`, () => {
      const isBad = (i: number): boolean => i >= 60 && i < 80
      const [steady, stepped] = [0, step].map((by) =>
        seconds(
          upTo(120, (i) => (i < 10 ? 0 : by)),
          isBad,
        ),
      )
      assert.ok(stepsOf([stepped!]) <= stepsOf([steady!]) + 91, `${stepsOf([stepped!])} steps`)
      const [expected, found] = [steady!, stepped!].map((each) => report([each]))
      assert.deepEqual(
        found!.document.findings.map(({ kind, what: text, from }) => ({
          kind,
          text,
          second: Date.parse(from),
        })),
        expected!.document.findings.map(({ kind, what: text, from }) => ({
          kind,
          text,
          second: Date.parse(from) + step * 1000,
        })),
      )
      assert.equal(found!.timeline.points.filter((point) => point !== null).length > 50, true)
      assert.equal(
        unpackPicture(found!.page().pictures[0]).seconds.filter((length) => length > 0).length,
        120,
      )
      assert.equal(found!.slowest.length, 10)
    })
  }

  it('in two recordings ten years apart, of the same or of other backends', () => {
    const [old, now] = [0, 10 * YEAR].map((by) => seconds(upTo(100, () => by)))
    assert.ok(stepsOf([old!, now!]) <= 300)
    assert.deepEqual(report([old!, now!]).document.findings, [])
  })

  it('and a time that could be of several days has its date', async () => {
    const isBad = (i: number): boolean => i >= 60 && i < 80
    const stepped = report([
      seconds(
        upTo(120, (i) => (i < 10 ? 0 : YEAR)),
        isBad,
      ),
    ])
    const text = [...(await FORMATS.text.write(stepped))].join('')
    assert.match(text, /^ {2}2027-11-22 14:01:00–2027-11-22 14:01:20 {2}5xx on/m)
    assert.match(text, /^ +2026-11-22 14:00:00 +2027-11-22 14:01:58$/m)
  })

  it('in lonely ticks over years', () => {
    const lonely = seconds(Array.from({ length: 300 }, (_, i) => i * 5 * DAY))
    assert.ok(stepsOf([lonely]) <= 300 * 40)
    assert.equal(report([lonely]).document.totals.requests, 6000)
  })
})

describe('stretches', () => {
  it('keep holes of up to an hour, and the ends of the range', () => {
    const at = (second: number): number => START + second * 1e6
    const of = seconds([0, 1, 3000, 90_000, 90_001])
    const range = { from: addMicros(START, -60e6), to: addMicros(START, 200_000e6) }
    assert.deepEqual(stretchesOf([of], range), [
      { from: at(-60), to: at(3001) },
      { from: at(90_000), to: at(90_002) },
    ])
    assert.deepEqual(stretchesOf([], range), [range])
  })

  it('are in order whatever the order of the ticks; every tick has a step of its own time', () => {
    const times = fc.array(fc.integer({ min: 0, max: 40 * DAY }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(times, fc.constantFrom(1, 10, 60, 720), (list, length) => {
        const of = seconds(list)
        const stretches = stretchesOf([of], rangeOf([of]))
        stretches.forEach(({ from, to }, i) => {
          assert.ok(from < to)
          assert.ok(i === 0 || from > stretches[i - 1]!.to + 3600e6)
        })
        const grid = new StepGrid(stretches, micros(length * 1e6), 3)
        for (const { start } of of.ticks) {
          const index = grid.indexOf(start)
          assert.ok(grid.timeOf(index) <= start && start < grid.timeOf(index + 1), `${index}`)
        }
        assert.equal(grid.timeOf(grid.count), rangeOf([of]).to)
      }),
    )
  })
})

describe('coverage where the clock was set', () => {
  for (const [what, step, elapsed] of [
    ['from 1970 to now', 56 * YEAR, 120],
    ['back by a minute', -60, 120],
    ['back by ten seconds', -10, 120],
  ] as const) {
    it(`${what}: is of the time that passed, and nothing is missing`, () => {
      const { document } = report([seconds(upTo(120, (i) => (i < 60 ? 0 : step)))])
      assert.equal(document.coverage.ratio, 1)
      assert.deepEqual(document.coverage.gaps, [])
      const { from, to, seconds: length, covered, elapsed: passed } = document.range
      assert.equal(length, (Date.parse(to) - Date.parse(from)) / 1000)
      assert.deepEqual([covered, passed], [elapsed, elapsed])
    })
  }

  it('is as before where it was not: recordings years apart did not record what is between them', () => {
    const { document } = report([0, YEAR].map((by) => seconds(upTo(60, () => by))))
    assert.ok(document.coverage.ratio! < 1e-4)
    assert.equal(document.range.elapsed, undefined)
  })
})
