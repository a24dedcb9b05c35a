import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { placeOf, secondAt, timeTicks } from '../../../../src/report/page/draw/time-axis.ts'

const at = (iso: string): number => Date.parse(iso) / 1000
const texts = (...args: Parameters<typeof timeTicks>): string[] => timeTicks(...args).map(({ text }) => text)

describe('the places of a picture', () => {
  const folded = {
    starts: [
      [0, 1000],
      [13, 90_000],
    ],
    step: 10,
    count: 20,
  } as const

  it('are steps from its start on', () => {
    assert.equal(placeOf(folded, 1000), 0)
    assert.equal(placeOf(folded, 1055), 5.5)
    assert.equal(secondAt(folded, 5.5), 1055)
  })

  it('leave out a folded hole', () => {
    assert.equal(placeOf(folded, 89_000), 13)
    assert.equal(placeOf(folded, 90_020), 15)
    assert.equal(secondAt(folded, 15), 90_020)
  })

  it('stay in the picture', () => {
    assert.equal(placeOf(folded, 0), 0)
    assert.equal(placeOf(folded, 1e9), 20)
  })
})

describe('the ticks of time', () => {
  it('are round times of the zone', () => {
    const axis = { starts: [[0, at('2026-11-22T14:00:07Z')]], step: 1, count: 120 } as const
    assert.deepEqual(texts(axis, 'UTC', 5), ['14:00:30', '14:01:00', '14:01:30', '14:02:00'])
    assert.deepEqual(timeTicks(axis, 'UTC', 5)[0]?.place, 23)
    assert.deepEqual(texts(axis, 'Asia/Kathmandu', 2), ['19:46', '19:47'])
  })

  it('say a date where there are several', () => {
    const axis = { starts: [[0, at('2026-11-22T14:00:00Z')]], step: 600, count: 144 } as const
    assert.deepEqual(texts(axis, 'UTC', 4), ['11-22 18:00', '11-23', '06:00', '12:00'])
    assert.deepEqual(
      timeTicks(axis, 'UTC', 4).map(({ isDay }) => isDay),
      [true, true, false, false],
    )
  })

  it('say a date after a hole', () => {
    const axis = {
      starts: [
        [0, at('2026-11-22T14:00:00Z')],
        [13, at('2026-12-24T09:00:00Z')],
      ],
      step: 60,
      count: 23,
    } as const
    assert.deepEqual(texts(axis, 'UTC', 5), ['11-22 14:00', '14:05', '14:10', '12-24 09:00', '09:05'])
  })

  it('show the hour that is repeated twice', () => {
    const axis = { starts: [[0, at('2026-10-25T00:00:00Z')]], step: 60, count: 180 } as const
    assert.deepEqual(texts(axis, 'Europe/Berlin', 4), ['02:00', '02:00', '03:00'])
  })

  it('are at most as many as asked for, at any length', () => {
    for (const step of [0.5, 1, 7, 60, 3600, 86_400, 1e6])
      for (const most of [1, 4, 12])
        assert.ok(texts({ starts: [[0, 1.7e9]], step, count: 900 }, 'UTC', most).length <= most + 1)
  })
})
