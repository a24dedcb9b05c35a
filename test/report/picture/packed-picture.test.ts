import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  packNumbers,
  packPicture,
  unpackNumbers,
  unpackPicture,
} from '../../../src/report/picture/packed-picture.ts'
import { SERIES, type Picture, type PictureLine } from '../../../src/report/picture/picture.ts'

const count = fc.oneof(fc.constant(0), fc.nat(300), fc.nat({ max: Number.MAX_SAFE_INTEGER }))

/** Percentiles are midpoints of buckets. */
const time = fc.option(fc.nat(2 ** 33).map((twice) => twice / 2))

const buckets = fc
  .uniqueArray(fc.nat(463), { maxLength: 12 })
  .chain((indexes) =>
    fc.tuple(...indexes.sort((a, b) => a - b).map((index) => fc.tuple(fc.constant(index), count))),
  )
  .map((pairs) => pairs.flat())

const lineOf = (steps: number): fc.Arbitrary<PictureLine> => {
  const of = <T>(each: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.array(each, { minLength: steps, maxLength: steps })
  return fc.record({
    subject: fc.option(fc.record({ backend: fc.string(), route: fc.option(fc.string()) })),
    label: fc.string({ unit: 'binary' }),
    series: fc.record(
      Object.fromEntries(SERIES.map((name) => [name, of(count)])) as Record<
        (typeof SERIES)[number],
        fc.Arbitrary<number[]>
      >,
    ),
    p50: of(time),
    p99: of(time),
    heat: fc.option(of(buckets)),
  })
}

const picture: fc.Arbitrary<Picture> = fc.nat(20).chain((steps) =>
  fc.record({
    from: fc.double({ noNaN: true, min: 0, max: 2e9 }),
    to: fc.double({ noNaN: true, min: 0, max: 2e9 }),
    starts: fc.array(fc.tuple(fc.nat(20), fc.nat())),
    step: fc.integer({ min: 1, max: 86_400 }),
    count: fc.constant(steps),
    seconds: fc
      .array(fc.nat(100_000_000), { minLength: steps, maxLength: steps })
      .map((all) => all.map((ms) => ms / 1000)),
    lines: fc.array(lineOf(steps), { minLength: 1, maxLength: 3 }),
    left: fc.record({ backends: fc.nat(), routes: fc.nat() }),
  }),
)

describe('a packed picture', () => {
  it('is the same picture when it is unpacked, also through JSON', () => {
    const through = (each: Picture): Picture =>
      unpackPicture(JSON.parse(JSON.stringify(packPicture(each))) as ReturnType<typeof packPicture>)
    fc.assert(fc.property(picture, (each) => assert.deepEqual(plain(through(each)), plain(each))))
  })

  it('costs nothing for an idle line', () => {
    assert.ok(packNumbers(new Array<number>(1500).fill(0)).length <= 4)
  })

  it('is refused where it ends early', () => {
    assert.throws(() => unpackNumbers(packNumbers([1, 2]), 3), RangeError)
  })
})

/** fast-check's records have no prototype. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
