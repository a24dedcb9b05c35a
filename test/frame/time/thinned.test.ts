import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Gap, Marker } from '../../../src/frame/model/frame.ts'
import { wallMicros } from '../../../src/frame/model/units.ts'
import { FEWER_LISTED, LISTED_AGAIN, listsFewer } from '../../../src/frame/time/thinned.ts'

const note = (at: number, text: string): Marker => ({ at: wallMicros(at), kind: 'note', text: `${text}: …` })
const stop = (at: number): Gap => ({ from: wallMicros(at), to: wallMicros(at + 5), reason: 'stopped' })
const fewer = (markers: readonly Marker[], gaps: readonly Gap[], from: number, to: number): boolean =>
  listsFewer({ markers, gaps }, { from: wallMicros(from), to: wallMicros(to) })

test('an episode lies between its two notes', () => {
  const notes = [note(10, FEWER_LISTED), note(50, LISTED_AGAIN)]
  for (const [from, to, is] of [
    [0, 10, false],
    [0, 11, true],
    [20, 30, true],
    [49, 99, true],
    [50, 99, false],
  ] as const)
    assert.equal(fewer(notes, [], from, to), is, `${from}..${to}`)
})

test('it ends with its run, and begins before the file where its first note is forgotten', () => {
  assert.equal(fewer([note(10, FEWER_LISTED)], [], 90, 99), true)
  assert.equal(fewer([note(10, FEWER_LISTED)], [stop(40)], 90, 99), false)
  assert.equal(fewer([note(50, LISTED_AGAIN)], [], 0, 5), true)
  assert.equal(fewer([note(50, LISTED_AGAIN)], [], 60, 70), false)
  assert.equal(fewer([note(10, 'a deploy')], [], 0, 99), false)
})
