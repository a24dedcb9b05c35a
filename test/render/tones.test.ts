import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { paintTones } from '../../src/render/heatmap/tones.ts'

const tone = fc.integer({ min: 0, max: 10 })
const cells = fc.array(fc.tuple(tone, tone), { maxLength: 60 })

test('a terminal shows each half in its tone, whatever sign draws it', () => {
  fc.assert(
    fc.property(cells, (wanted) => {
      const shown = halvesOn(paintTones(Uint8Array.from(wanted.flat()), wanted.length))
      assert.deepEqual(
        shown,
        wanted.map(([upper, lower]) => [colourOf(upper), colourOf(lower)]),
      )
    }),
  )
})

test('what is clipped is not drawn, and the end leaves no colour behind', () => {
  const painted = paintTones(Uint8Array.from([1, 2, 3, 4]), 1)
  assert.equal(halvesOn(painted).length, 1)
  assert.ok(painted.endsWith('\x1b[0m'))
})

test('a column of one tone on black takes one change of colour, in either half', () => {
  const painted = paintTones(Uint8Array.from([0, 0, 5, 0, 0, 5, 5, 0, 5, 5, 0, 0]), 6)
  assert.equal(painted.match(/\x1b\[/g)!.length, 3)
})

/** The colours of xterm's 256 in which the tones are drawn, found by drawing each alone. */
const colourOf = (tone: number): number => halvesOn(paintTones(Uint8Array.from([tone, tone]), 1))[0]![0]

/** What a terminal makes of it: the colours of the upper and the lower half of each cell. */
function halvesOn(painted: string): (readonly [number, number])[] {
  const halves: (readonly [number, number])[] = []
  let [ink, ground] = [-1, -1]
  for (const [, codes, sign] of painted.matchAll(/\x1b\[([\d;]*)m|([ ▀▄█])/g)) {
    if (sign !== undefined)
      halves.push(
        sign === ' '
          ? [ground, ground]
          : sign === '█'
            ? [ink, ink]
            : sign === '▀'
              ? [ink, ground]
              : [ground, ink],
      )
    else
      for (const [, which, colour] of codes!.matchAll(/([34])8;5;(\d+)/g)) {
        if (which === '3') ink = Number(colour)
        else ground = Number(colour)
      }
  }
  return halves
}
