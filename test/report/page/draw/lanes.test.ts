import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gapPath, hatchPath } from '../../../../src/report/page/draw/gaps.ts'
import { lanePaths, troubleLevel } from '../../../../src/report/page/draw/lanes.ts'
import { line } from './line.ts'

describe('the lane of a line', () => {
  it('is as high as the rate of each step, of the recorded seconds', () => {
    const { trouble, most } = lanePaths(line(4, { requests: [10, 10, 0, 5] }), [1, 2, 1, 1], 20)
    assert.equal(most, 10)
    assert.equal(trouble[0], 'M0 20V0H1V10H2V20ZM3 20V10H4V20Z')
  })

  it('shows one request beside thousands', () => {
    const { trouble } = lanePaths(line(2, { requests: [10_000, 1] }), [1, 1], 20)
    assert.equal(trouble[0], 'M0 20V0H1V19.4H2V20Z')
  })

  it('an error that ends what was answered before is all of its step', () => {
    assert.equal(troubleLevel(line(1, { bad: [1], grpcErrors: [1] }), 0), 4)
    assert.equal(troubleLevel(line(1, {}), 0), 0)
  })

  it('has an area for each level of trouble, and a foot that tells it without colour', () => {
    const of = line(5, {
      requests: [100, 100, 100, 100, 100],
      answered: [100, 100, 100, 100, 50],
      failures: [0, 0, 0, 0, 50],
      bad: [0, 0.5, 1, 5, 50],
    })
    const { trouble, foot } = lanePaths(of, [1, 1, 1, 1, 1], 20)
    assert.deepEqual(
      trouble,
      [0, 1, 2, 3, 4].map((i) => `M${i} 20V0H${i + 1}V20Z`),
    )
    assert.deepEqual(foot, ['', '', 'M2 20V22H3V20Z', 'M3 20V23H4V20Z', 'M4 20V24H5V20Z'])
  })

  it('shows failures of a step that has no request, and where a backend appears and is gone', () => {
    const of = line(5, {
      requests: [0, 3, 0, 0, 0],
      answered: [0, 3, 0, 0, 0],
      failures: [0, 0, 0, 2, 0],
      bad: [0, 0, 0, 2, 0],
    })
    const { foot, presence } = lanePaths(of, [1, 1, 1, 1, 1], 20)
    assert.equal(foot[4], 'M3 20V24H4V20Z')
    assert.equal(presence, 'M1 20H4')
  })

  it('is empty without traffic', () => {
    assert.deepEqual(lanePaths(line(2, {}), [1, 0], 20), {
      trouble: ['', '', '', '', ''],
      foot: ['', '', '', '', ''],
      presence: '',
      most: 0,
    })
  })
})

describe('the level of trouble of a step', () => {
  const level = (bad: number, answered: number, failures = 0): number =>
    troubleLevel(line(1, { bad: [bad], answered: [answered], failures: [failures] }), 0)

  it('is its share of answers and failures', () => {
    assert.deepEqual(
      [level(0, 100), level(1, 101), level(1, 100), level(5, 100), level(20, 100), level(20, 0, 20)],
      [0, 1, 2, 3, 4, 4],
    )
  })

  it('is none where nothing was attempted', () => assert.equal(level(0, 0), 0))

  const levels = (bad: readonly number[], each: number): readonly number[] => {
    const of = line(bad.length, { bad, answered: bad.map(() => each) })
    return bad.map((_, i) => troubleLevel(of, i))
  }

  it('of one error alone is its share of the attempts around it', () =>
    assert.deepEqual(
      levels(
        new Array<number>(61).fill(0).map((_, i) => Number(i === 30)),
        2,
      ).filter((each) => each > 0),
      [1],
    ))

  it('stays where the attempts around it go wrong, too, however few they are', () => {
    assert.deepEqual(levels([1, 1, 1], 1), [4, 4, 4])
    assert.deepEqual(levels([0, 0, 1, 0, 0, 0, 1, 0, 0, 0], 1), [0, 0, 4, 0, 0, 0, 4, 0, 0, 0])
  })

  it('of several errors is that of their own step', () =>
    assert.deepEqual(levels([0, 0, 2, 0, 0], 10), [0, 0, 4, 0, 0]))
})

describe('a gap', () => {
  it('is an area, hatched only where nothing was recorded', () => {
    const seconds = [...new Array<number>(160).fill(1), 0, 0, ...new Array<number>(158).fill(1)]
    assert.equal(gapPath(seconds, 20), 'M160 0h2v20h-2z')
    assert.equal(hatchPath(seconds, 20), 'M160 20L162 0')
  })

  it('is hatched also where it is narrower than the lines are apart', () => {
    const seconds = new Array<number>(320).fill(1)
    seconds[7] = 0
    assert.equal(hatchPath(seconds, 20), 'M7 10L8 0')
  })

  it('is nothing where all was recorded', () => {
    assert.equal(gapPath([1, 1], 20), '')
    assert.equal(hatchPath([1, 1], 20), '')
  })
})
