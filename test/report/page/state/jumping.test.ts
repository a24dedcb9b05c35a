import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageFinding } from '../../../../src/report/picture/facts.ts'
import { eventsOf } from '../../../../src/report/page/state/events.ts'
import { jumpFrom, type JumpScope } from '../../../../src/report/page/state/jumping.ts'
import { line } from '../draw/line.ts'
import { FACTS, FROM, pictureOf } from './pictures.ts'

const COUNT = 60
const each = (value: (i: number) => number): number[] => Array.from({ length: COUNT }, (_, i) => value(i))
const requests = each(() => 100)
const isBurst = (i: number): boolean => i >= 40 && i < 45
const burst = line(
  COUNT,
  { requests, answered: requests, fivexx: each((i) => (isBurst(i) ? 50 : 0)) },
  { p50: each((i) => (i >= 30 ? 9000 : 1000)) },
)
const shown = pictureOf(
  burst,
  each((i) => (i === 10 ? 0 : 1)),
)

test('bursts and slow-downs lie where replay finds them, also behind a gap', () => {
  assert.deepEqual(eventsOf('trouble', shown, FACTS), [FROM + 40])
  assert.deepEqual(eventsOf('slow', shown, FACTS), [FROM + 30])
})

test('a backend comes and goes', () => {
  const busy = line(
    COUNT,
    { requests: each((i) => (i >= 20 && i < 45 ? 5 : 0)) },
    { subject: { backend: '1 a', route: null } },
  )
  const picture = pictureOf(
    burst,
    each(() => 1),
    { lines: [burst, busy] },
  )
  assert.deepEqual(eventsOf('backend', picture, FACTS), [FROM + 20, FROM + 45])
})

const scope: JumpScope = { shown, whole: shown, facts: FACTS, findings: [] }
const finding: PageFinding = {
  kind: 'burst_5xx',
  from: FROM + 40.2,
  to: FROM + 45,
  what: '',
  backend: null,
  route: null,
}

test('a key jumps to the next one, and back', () => {
  assert.equal(jumpFrom(FROM, 'trouble', 1, scope), FROM + 40)
  assert.equal(jumpFrom(FROM + 50, 'trouble', -1, scope), FROM + 40)
  assert.equal(jumpFrom(FROM + 50, 'trouble', 1, scope), null)
})

test('an event and its finding are one place', () => {
  const both = { ...scope, findings: [finding] }
  assert.equal(jumpFrom(FROM + 40, 'trouble', 1, both), null)
  assert.equal(jumpFrom(FROM, 'trouble', 1, both), FROM + 40)
})

test('what is not in the part that is shown is found in the whole', () => {
  const part = pictureOf(line(5, {}), [1, 1, 1, 1, 1])
  assert.equal(jumpFrom(FROM + 2, 'trouble', 1, { ...scope, shown: part }), FROM + 40)
})

test('where the ticks tell, the steps of a picture do not: they may be too long, or not read yet', () => {
  const facts = { ...FACTS, events: { trouble: [FROM + 3, FROM + 52], slow: [] } }
  assert.equal(jumpFrom(FROM, 'trouble', 1, { ...scope, facts }), FROM + 3)
  assert.equal(jumpFrom(FROM + 3, 'trouble', 1, { ...scope, facts }), FROM + 52)
  assert.equal(jumpFrom(FROM, 'slow', 1, { ...scope, facts }), null)
})

test('markers and gaps are those of the recording', () => {
  const facts = {
    events: null,
    markers: [
      { at: FROM + 7, kind: 'note' as const, text: 'b' },
      { at: FROM + 3, kind: 'deploy' as const, text: 'a' },
    ],
    gaps: [{ from: FROM + 10, to: FROM + 11, reason: 'late' as const }],
  }
  assert.equal(jumpFrom(FROM, 'marker', 1, { ...scope, facts }), FROM + 3)
  assert.equal(jumpFrom(FROM, 'gap', 1, { ...scope, facts }), FROM + 10)
})
