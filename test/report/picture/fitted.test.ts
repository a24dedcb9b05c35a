import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fitted } from '../../../src/report/picture/fitted.ts'
import type { Picture } from '../../../src/report/picture/picture.ts'
import { line } from '../page/draw/line.ts'

const STEPS = 50
/** Ten backends of six routes each. */
const picture: Picture = {
  from: 0,
  to: STEPS,
  starts: [[0, 0]],
  step: 1,
  count: STEPS,
  seconds: new Array<number>(STEPS).fill(1),
  lines: [
    busy(null, null),
    ...Array.from({ length: 10 }, (_, i) => [
      busy(`0 ${i}`, null),
      ...Array.from({ length: 6 }, (_, j) => busy(`0 ${i}`, `GET /${j}`)),
    ]).flat(),
  ],
  left: { backends: 3, routes: 4 },
}

function busy(backend: string | null, route: string | null): Picture['lines'][number] {
  const numbers = Array.from({ length: STEPS }, (_, i) => 1000 + i)
  return line(
    STEPS,
    { requests: numbers, answered: numbers },
    {
      subject: backend === null ? null : { backend, route },
      label: route ?? backend ?? 'all',
      heat: numbers.map((count) => [100, count, 140, count]),
    },
  )
}

const names = (room: number): string[] =>
  fitted(picture, room).packed.lines.map(({ label, heat }) => `${label}${heat === null ? '' : ' heat'}`)

describe('a picture in a room', () => {
  it('has all of its lines where there is room', () => {
    const { packed, isEnough } = fitted(picture, 1e6)
    assert.equal(packed.lines.length, picture.lines.length)
    assert.ok(packed.lines.every(({ heat }) => heat !== null))
    assert.ok(isEnough)
  })

  it('loses the heat of routes first, then lines, and says how many', () => {
    const size = JSON.stringify(fitted(picture, 1e6).packed).length
    const { packed, isEnough } = fitted(picture, size * 0.7)
    const heats = packed.lines.filter(({ subject, heat }) => subject?.route != null && heat !== null)
    assert.ok(heats.length < 60)
    const lines = (isRoute: boolean): number =>
      packed.lines.filter(({ subject }) => subject !== null && (subject.route !== null) === isRoute).length
    assert.ok(isEnough)
    assert.deepEqual(packed.left, { backends: 3 + 10 - lines(false), routes: 4 + 60 - lines(true) })
    assert.ok(JSON.stringify(packed).length <= size * 0.7)
  })

  it('is not enough where a page would lack the first backends', () => {
    assert.equal(fitted(picture, 3000).isEnough, false)
  })

  it('always has the sum of all with its heat, and no route without its backend', () => {
    assert.deepEqual(names(0), ['all heat'])
    for (let room = 0; room < 60_000; room += 3000) {
      const lines = names(room)
      for (const [i, name] of lines.entries())
        if (name.startsWith('GET')) assert.ok(lines.slice(0, i).some((other) => other.startsWith('0 ')))
    }
  })
})
