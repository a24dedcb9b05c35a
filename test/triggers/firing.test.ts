/** When a trigger fires, and what the dump of it holds: values in, values out. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GapReason, SecondFrame } from '../../src/frame/model/frame.ts'
import { addMicros, micros, SECOND, wallMicros } from '../../src/frame/model/units.ts'
import { Firing } from '../../src/triggers/firing.ts'
import { triggerOf } from '../../src/triggers/trigger.ts'
import { backend, frame, route, START, type Traffic } from '../report/fake.ts'

const A = backend('10.0.1.10:8080')
const B = backend('10.0.1.12:8080')
const ORDERS = route('GET', '/api/orders')

/** What one backend does in a tick: answers that are whole, and answers with 503. */
type Does = readonly [good: number, bad: number]
const traffic = (of: typeof A, [good, bad]: Does): Traffic[] =>
  good + bad === 0
    ? []
    : [
        {
          backend: of,
          route: ORDERS,
          times: Array<number>(good + bad).fill(2000),
          codes: [...Array<number>(good).fill(200), ...Array<number>(bad).fill(503)],
        },
      ]

const GOOD: Does = [10, 0]
const BAD: Does = [5, 5]
const NONE: Does = [0, 0]

/** Ticks of a second, one after the other. */
class Script {
  readonly frames: SecondFrame[] = []
  #at = START

  add(ticks: number, a: Does, b: Does = NONE, over: { length?: number; gapBefore?: GapReason } = {}): this {
    for (let i = 0; i < ticks; i++) {
      const options = i === 0 ? over : {}
      this.frames.push(frame(this.frames.length, this.#at, [...traffic(A, a), ...traffic(B, b)], options))
      this.#at = addMicros(this.#at, options.length ?? SECOND)
    }
    return this
  }

  jump(seconds: number): this {
    this.#at = addMicros(this.#at, seconds * SECOND)
    return this
  }
}

interface Happened {
  readonly second: number
  readonly what: string
}

const second = (at: number): number => (at - START) / SECOND

function played(
  script: Pick<Script, 'frames'>,
  expressions: readonly string[],
  over: { every?: number; last?: number } = {},
) {
  const firing = new Firing({
    triggers: expressions.map(triggerOf),
    last: micros((over.last ?? 900) * SECOND),
    every: micros((over.every ?? 600) * SECOND),
  })
  const [markers, dumps]: [Happened[], (Happened & { from: number; to: number; at: number })[]] = [[], []]
  for (const each of script.frames) {
    const effects = firing.tick(each)
    for (const { at, text } of effects.markers) markers.push({ second: second(at), what: text })
    for (const { at, text, span } of effects.due)
      dumps.push({
        second: second(each.start),
        at: second(at),
        what: text,
        from: second(span.from),
        to: second(span.to),
      })
  }
  for (const { at, text, span } of firing.end())
    dumps.push({ second: Infinity, at: second(at), what: text, from: second(span.from), to: second(span.to) })
  return { markers, dumps, seconds: markers.map((marker) => marker.second) }
}

describe('a trigger', () => {
  it('fires in the first tick of which it holds, and says the expression and the value', () => {
    const { markers } = played(new Script().add(5, GOOD).add(5, BAD), ['5xx > 5%'])
    assert.deepEqual(markers, [{ second: 5, what: '5xx > 5%: 5xx 50.0%' }])
  })

  it('fires on gRPC errors behind 200s, of any one backend, and never where they are unknown', () => {
    const ticks = (grpc: Traffic['grpc'] & object): SecondFrame[] =>
      Array.from({ length: 15 }, (_, i) =>
        frame(i, addMicros(START, i * SECOND), [
          ...traffic(A, GOOD),
          { backend: B, route: ORDERS, times: [2000], grpc: i < 5 ? [0, 10] : grpc },
        ]),
      )
    const on = ['grpc_errors(*) > 5% for 5s']
    const { markers } = played({ frames: ticks([0, 9, 14, 1]) }, on)
    assert.deepEqual(markers, [{ second: 9, what: `${on[0]!}: grpc_errors(10.0.1.12:8080) 10.0%` }])
    const unknown = ticks([]).map((tick) => ({
      ...tick,
      traffic: tick.traffic.map((row) => ({ ...row, grpc: null })),
    }))
    assert.deepEqual(played({ frames: unknown }, ['grpc_errors(*) >= 0']).markers, [])
  })

  it('with "for" fires when every tick of the span satisfies it', () => {
    const { seconds } = played(new Script().add(5, GOOD).add(20, BAD), ['5xx > 5% for 10s'])
    assert.deepEqual(seconds, [14])
  })

  it('with "for" starts anew after a tick that does not satisfy it', () => {
    const script = new Script().add(5, GOOD).add(9, BAD).add(1, GOOD).add(12, BAD)
    assert.deepEqual(played(script, ['5xx > 5% for 10s']).seconds, [24])
  })

  it('passes over ticks without data, of which at most half of the span may be', () => {
    const everySecond = new Script().add(5, GOOD)
    for (let i = 0; i < 10; i++) everySecond.add(1, BAD).add(1, NONE)
    assert.deepEqual(played(everySecond, ['5xx > 5% for 10s']).seconds.length, 1)
    const everyThird = new Script().add(5, GOOD)
    for (let i = 0; i < 20; i++) everyThird.add(1, BAD).add(2, NONE)
    assert.deepEqual(played(everyThird, ['5xx > 5% for 10s']).seconds, [])
    assert.deepEqual(played(everyThird, ['5xx > 5%'], { every: 600 }).seconds, [5])
  })

  it('counts ten ticks as 10 s, whether they are a little longer or shorter', () => {
    for (const length of [999_500, 1_000_500]) {
      const script = new Script().add(5, GOOD)
      for (let i = 0; i < 20; i++) script.add(1, BAD, NONE, { length })
      const at = played(script, ['5xx > 5% for 10s']).seconds[0]!
      assert.equal(Math.round(at), 14, String(length))
    }
  })

  it('fires again only after it has ceased to hold', () => {
    const script = new Script().add(1000, BAD).add(1, GOOD).add(5, BAD)
    assert.deepEqual(played(script, ['5xx > 5%'], { every: 10 }).seconds, [0, 1001])
  })

  it('fires again not within --every, and then if it still holds', () => {
    const script = new Script().add(1, BAD).add(1, GOOD).add(1, BAD).add(1, GOOD).add(700, BAD)
    assert.deepEqual(played(script, ['5xx > 5%'], { every: 600 }).seconds, [0, 600])
  })

  it('is armed by a tick without data: without data nothing holds', () => {
    const script = new Script().add(1, BAD).add(1, NONE).add(1, BAD)
    assert.deepEqual(played(script, ['5xx > 5%'], { every: 0 }).seconds, [0, 2])
  })

  it('fires for itself: several have nothing to do with each other', () => {
    const { markers } = played(new Script().add(3, GOOD).add(5, BAD), [
      '5xx > 5% for 3s',
      'rps > 5',
      'p99 > 1s',
    ])
    assert.deepEqual(
      markers.map((marker) => [marker.second, marker.what]),
      [
        [0, 'rps > 5: rps 10'],
        [5, '5xx > 5% for 3s: 5xx 50.0%'],
      ],
    )
  })
})

describe('a trigger of a backend or a route', () => {
  it('that never occurred has no data, counts too', () => {
    const script = new Script().add(10, GOOD)
    assert.deepEqual(played(script, ['requests(/nowhere) < 1']).seconds, [])
    assert.deepEqual(played(script, ["backend = '10.0.9.9:80' and requests < 1"]).seconds, [])
    assert.deepEqual(played(script, ['not (requests(10.0.9.9:80) > 1)']).seconds, [])
  })

  it('that occurred counts 0 where it has no row', () => {
    const script = new Script().add(5, GOOD).add(20, NONE)
    assert.deepEqual(played(script, ['requests(/api/orders) < 1 for 5s']).seconds, [9])
    assert.deepEqual(played(script, ['absent(/api/orders) for 5s']).seconds, [9])
  })

  it('selects rows', () => {
    const script = new Script().add(5, GOOD, GOOD).add(5, GOOD, BAD)
    assert.deepEqual(played(script, ["backend ~ '\\.10:' and 5xx > 5%"]).seconds, [])
    assert.deepEqual(played(script, ['5xx(10.0.1.12:8080 /api/orders) > 5%']).markers, [
      {
        second: 5,
        what: '5xx(10.0.1.12:8080 /api/orders) > 5%: 5xx(10.0.1.12:8080 /api/orders) 50.0%',
      },
    ])
  })
})

describe('a trigger of any one backend', () => {
  it('names the backend', () => {
    const script = new Script().add(5, [1000, 0], GOOD).add(5, [1000, 0], BAD)
    assert.deepEqual(played(script, ['5xx(*) > 5%', '5xx > 5%']).markers, [
      { second: 5, what: '5xx(*) > 5%: 5xx(10.0.1.12:8080) 50.0%' },
    ])
  })

  it('needs one and the same for the whole span', () => {
    const script = new Script()
    for (let i = 0; i < 20; i++) script.add(1, BAD, GOOD).add(1, GOOD, BAD)
    assert.deepEqual(played(script, ['5xx(*) > 5% for 4s']).seconds, [])
  })

  it('measures all of the same backend', () => {
    const script = new Script().add(5, [100, 0], [0, 1])
    assert.deepEqual(played(script, ['5xx(*) > 5% and rps(*) > 10']).seconds, [])
    const { markers } = played(script, ['5xx(*) > 5% and rps(*) < 10 and rps > 100'])
    assert.deepEqual(
      markers.map(({ what }) => what.split('100: ')[1]),
      ['5xx(10.0.1.12:8080) 100.0%, rps(10.0.1.12:8080) 1, rps 101'],
    )
  })

  it('has 0 of a backend that went silent, names all that hold, and takes a route', () => {
    const script = new Script().add(5, GOOD, GOOD).add(10, NONE, NONE)
    assert.deepEqual(played(script, ['requests(*) < 1 for 3s']).markers, [
      { second: 7, what: 'requests(*) < 1 for 3s: requests(10.0.1.10:8080) 0; also 10.0.1.12:8080' },
    ])
    assert.deepEqual(played(new Script().add(1, GOOD, BAD), ['5xx(* /api/orders) > 5%']).seconds, [0])
    assert.deepEqual(played(new Script().add(1, GOOD, BAD), ['5xx(* /other) > 5%']).seconds, [])
  })
})

describe('its dump', () => {
  it('is due when the minute after is over, and holds --dump-last before then', () => {
    const { dumps } = played(new Script().add(100, GOOD).add(200, BAD), ['5xx > 5%'], { last: 90 })
    assert.deepEqual(dumps, [{ second: 160, at: 100, what: '5xx > 5%: 5xx 50.0%', from: 71, to: 161 }])
  })

  it('holds the tick in which it fired, however short it is', () => {
    const { dumps } = played(new Script().add(100, GOOD).add(200, BAD), ['5xx > 5%'], { last: 10 })
    assert.deepEqual(
      dumps.map(({ from, to }) => [from, to]),
      [[100, 161]],
    )
  })

  it('is due at the end of the recorder, if that comes first', () => {
    const { dumps } = played(new Script().add(10, GOOD).add(10, BAD), ['5xx > 5%'], { last: 15 })
    assert.deepEqual(
      dumps.map(({ second: when, from, to }) => [when, from, to]),
      [[Infinity, 5, 20]],
    )
  })

  it('ends before a suspend in which its minute ends', () => {
    const script = new Script()
      .add(10, GOOD)
      .add(10, BAD)
      .jump(8 * 3600)
      .add(5, GOOD, NONE, { gapBefore: 'suspend' })
    const { dumps } = played(script, ['5xx > 5%'], { last: 15 })
    assert.deepEqual(
      dumps.map(({ from, to }) => [from, to]),
      [[5, 20]],
    )
  })

  it('of a late tick is due by its real length', () => {
    const script = new Script()
      .add(10, GOOD)
      .add(1, BAD)
      .add(1, GOOD, NONE, { length: 70 * SECOND })
      .add(3, GOOD)
    const { dumps } = played(script, ['5xx > 5%'], { last: 100 })
    assert.deepEqual(
      dumps.map(({ second: when, to }) => [when, to]),
      [[11, 81]],
    )
  })

  it('holds what led to it where the clock was set forward or back meanwhile', () => {
    const forward = new Script().add(100, GOOD).add(10, BAD).jump(3600).add(100, BAD)
    const ahead = played(forward, ['5xx > 5%'], { last: 90 }).dumps[0]!
    assert.deepEqual([ahead.from, ahead.to], [71, 3600 + 161])
    const back = new Script().add(100, GOOD).add(10, BAD).jump(-50).add(100, BAD)
    const behind = played(back, ['5xx > 5%'], { last: 90 }).dumps[0]!
    assert.deepEqual([behind.from, behind.to], [21, 111], 'both the ticks before the step and those after it')
  })

  it('is not put off by a clock that is set', () => {
    const script = new Script()
      .add(10, GOOD)
      .add(1, BAD)
      .jump(86_400)
      .add(30, GOOD)
      .jump(-86_400)
      .add(100, GOOD)
    assert.equal(played(script, ['5xx > 5%']).dumps[0]!.second, 70)
  })
})

it('time has no trigger before the first tick', () => {
  const firing = new Firing({ triggers: [], last: micros(1), every: micros(1) })
  assert.deepEqual([firing.end(), firing.spanNow(micros(1))], [[], null])
  firing.tick(frame(0, wallMicros(5e6), []))
  assert.deepEqual(firing.spanNow(micros(1e6))?.span, { from: 5e6, to: 6e6 })
})
