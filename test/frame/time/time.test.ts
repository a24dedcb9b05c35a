import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  parseDuration,
  parseRange,
  parseSpan,
  parseTime,
  spanOf,
  ticksWithin,
  TimeError,
  type TimeScope,
} from '../../../src/frame/time/time.ts'
import {
  clockTimeMillis,
  instantsOf,
  isoLocal,
  isoUtc,
  localDateTime,
  offsetMillis,
} from '../../../src/frame/time/timezone.ts'
import type { TickSummary } from '../../../src/frame/model/recording.ts'
import { micros, wallMicros, type WallMicros } from '../../../src/frame/model/units.ts'

const at = (iso: string): WallMicros => wallMicros(Date.parse(iso) * 1000)

function scope(from: string, to: string, over: Partial<TimeScope> = {}): TimeScope {
  return { span: { from: at(from), to: at(to) }, timeZone: 'UTC', now: at(to), markers: [], ...over }
}
const noon = scope('2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z')
const read = (text: string, within = noon): string => isoUtc(parseTime(text, within))

describe('a time', () => {
  it('is parsed in every form of the time grammar', () => {
    assert.equal(read('12:02'), '2026-11-22T12:02:00.000Z')
    assert.equal(read('12:02:11.5'), '2026-11-22T12:02:11.500Z')
    assert.equal(read('2026-11-22T13:30:00+01:00'), '2026-11-22T12:30:00.000Z')
    assert.equal(read('2026-11-22T12:30:00Z'), '2026-11-22T12:30:00.000Z')
    assert.equal(read(String(Date.parse('2026-11-22T12:30:00Z') / 1000)), '2026-11-22T12:30:00.000Z')
    assert.equal(read('10m ago'), '2026-11-22T12:50:00.000Z')
    assert.equal(read('1h ago'), '2026-11-22T12:00:00.000Z')
    assert.equal(read('+90s'), '2026-11-22T12:01:30.000Z')
    assert.equal(read('-5m'), '2026-11-22T12:55:00.000Z')
    assert.equal(read('30%'), '2026-11-22T12:18:00.000Z')
  })

  it("is parsed in the recording's time zone", () => {
    const berlin = scope('2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z', { timeZone: 'Europe/Berlin' })
    assert.equal(read('13:30', berlin), '2026-11-22T12:30:00.000Z')
    assert.equal(read('2026-11-22 13:30', berlin), '2026-11-22T12:30:00.000Z')
    assert.throws(() => read('12:30', berlin), /outside the recording/)
  })

  it('of the clock may have its offset, as it is printed where the clocks are set', () => {
    const night = scope('2026-04-04T14:15:00Z', '2026-04-04T15:45:00Z', { timeZone: 'Australia/Lord_Howe' })
    assert.throws(() => read('01:40', night), /fits 2 times/)
    assert.equal(read('01:40+11:00', night), '2026-04-04T14:40:00.000Z')
    assert.equal(read('01:40:05.5+10:30', night), '2026-04-04T15:10:05.500Z')
    assert.equal(read('01:40 +1030', night), '2026-04-04T15:10:00.000Z')
    assert.equal(read('15:10z', night), '2026-04-04T15:10:00.000Z')
    assert.equal(read('24:00+09:00', night), '2026-04-04T15:00:00.000Z')
    assert.throws(() => read('01:20+13:00', night), /outside the recording/)
    assert.throws(() => read('01:40+25:00', night), /"01:40\+25:00" is not a time of day/)
    const range = parseRange('01:59+11:00', '01:31+10:30', night)
    assert.equal(range.to - range.from, 120e6)
  })

  it('that occurs more than once in the span is refused with the candidates, which can be entered as they are', () => {
    const days = scope('2026-11-20T12:00:00Z', '2026-11-22T13:00:00Z', { timeZone: 'Asia/Kolkata' })
    assert.throws(
      () => read('18:00', days),
      (error: TimeError) => {
        assert.match(error.message, /"18:00" fits 3 times/)
        const candidates = error.remedy.match(/2026\S+?(?=[,.]( |$))/g) ?? []
        assert.deepEqual(
          candidates.map((text) => read(text, days)),
          ['2026-11-20T12:30:00.000Z', '2026-11-21T12:30:00.000Z', '2026-11-22T12:30:00.000Z'],
        )
        return true
      },
    )
  })

  it('in the repeated hour of autumn occurs twice, in the skipped hour of spring never', () => {
    const autumn = scope('2026-10-24T23:00:00Z', '2026-10-25T03:00:00Z', { timeZone: 'Europe/Berlin' })
    assert.throws(() => read('02:30', autumn), /fits 2 times/)
    assert.equal(read('03:30', autumn), '2026-10-25T02:30:00.000Z')
    const spring = scope('2026-03-28T23:00:00Z', '2026-03-29T03:00:00Z', { timeZone: 'Europe/Berlin' })
    assert.throws(() => read('02:30', spring), /outside the recording/)
    assert.throws(() => read('2026-03-29 02:30', spring), /does not exist in Europe\/Berlin/)
    assert.equal(read('03:30', spring), '2026-03-29T01:30:00.000Z')
  })

  it('in the repeated hour is the one that lies in the span, with a date and without', () => {
    const second = scope('2026-10-25T00:50:00Z', '2026-10-25T01:00:00Z', { timeZone: 'Europe/Berlin' })
    const first = scope('2026-10-25T01:50:00Z', '2026-10-25T02:00:00Z', { timeZone: 'Europe/Berlin' })
    const both = scope('2026-10-25T00:50:00Z', '2026-10-25T02:00:00Z', { timeZone: 'Europe/Berlin' })
    for (const text of ['02:55', '2026-10-25T02:55', '2026-10-25 02:55:00']) {
      assert.equal(read(text, second), '2026-10-25T00:55:00.000Z')
      assert.equal(read(text, first), '2026-10-25T01:55:00.000Z')
      assert.throws(() => read(text, both), /fits 2 times/)
      assert.throws(() => read(text.replace(':55', ':10'), second), /outside the recording/)
    }
  })

  it('may be 24:00, the midnight at which a day ends', () => {
    const night = scope('2026-11-22T22:00:00Z', '2026-11-23T02:00:00Z')
    assert.equal(read('24:00', night), '2026-11-23T00:00:00.000Z')
    assert.equal(read('24:00:00', night), '2026-11-23T00:00:00.000Z')
    assert.equal(read('2026-11-22T24:00', night), '2026-11-23T00:00:00.000Z')
    const days = scope('2026-11-22T00:00:00Z', '2026-11-24T00:00:00Z')
    assert.throws(() => read('24:00', days), /fits 3 times/)
    assert.equal(
      read('24:00', scope('2026-11-22T23:00:00Z', '2026-11-23T00:00:00Z')),
      '2026-11-23T00:00:00.000Z',
    )
    for (const text of ['24:01', '24:00:01', '2026-11-22T24:30'])
      assert.throws(() => read(text, night), /is not a time/)
  })

  it('in whole seconds is inside a recording that begins or ends within that second', () => {
    const ragged = scope('2026-11-22T12:00:10.300Z', '2026-11-22T12:00:40.200Z')
    assert.equal(read('12:00:10', ragged), '2026-11-22T12:00:10.000Z')
    assert.throws(() => read('12:00:10.1', ragged), TimeError)
    assert.throws(() => read('12:00:41', ragged), TimeError)
    assert.equal(isoUtc(parseRange('12:00:10', undefined, ragged).from), '2026-11-22T12:00:10.300Z')
  })

  it('outside the span is refused, with the span in the error', () => {
    for (const text of ['11:59:58', '14:00', '+2h', '120%', '0', '2025-01-01T00:00:00Z']) {
      assert.throws(
        () => read(text),
        (error: TimeError) =>
          error.message.includes('outside the recording') &&
          error.remedy.includes('2026-11-22 12:00:00 to 2026-11-22 13:00:00'),
        text,
      )
    }
  })

  it('that is relative and lies before the span is its start, and that is said', () => {
    for (const text of ['-2h', '90d ago']) {
      const said: string[] = []
      const scope = { ...noon, onCut: (words: string) => said.push(words) }
      assert.equal(parseTime(text, scope), noon.span.from)
      assert.match(said.join(), new RegExp(`^"${text}" reaches beyond the recording, which begins at`))
    }
  })

  it('that is invalid is refused with the grammar', () => {
    for (const text of [
      '',
      'noon',
      '25:00',
      '12:61',
      '12:00:60',
      '+',
      '-x',
      '5 ago',
      '2026-13-40T00:00Z',
      '2026-11-22T12:30+24:00',
      '2026-11-22T12:30+00:60',
      '12',
    ]) {
      assert.throws(() => read(text), TimeError, text)
    }
  })

  it('on a day that its month does not have is refused, and not taken for one of the next', () => {
    const spring = scope('2026-02-20T00:00:00Z', '2026-03-10T00:00:00Z', { timeZone: 'Europe/Berlin' })
    for (const text of ['2026-02-30T12:00Z', '2026-02-29 12:00', '2026-02-31T12:00+01:00'])
      assert.throws(() => read(text, spring), /is not a time/, text)
    assert.equal(read('2026-02-28T24:00Z', spring), '2026-03-01T00:00:00.000Z')
  })

  it('that is a marker whose ticks are forgotten is the start, and that is said', () => {
    const said: string[] = []
    const markers = [
      { at: at('2026-11-22T11:10:00Z'), kind: 'deploy', text: 'Release 41' } as const,
      { at: at('2026-11-22T13:00:01.5Z'), kind: 'note', text: 'just now' } as const,
    ]
    const forgetful: TimeScope = { ...noon, markers, onCut: (text) => said.push(text) }
    assert.deepEqual(parseRange('@deploy', '+10m', forgetful), parseRange('12:00', '+10m', noon))
    assert.deepEqual(said, [
      '"@deploy" reaches beyond the recording, which begins at 2026-11-22T12:00:00Z: it is cut to that',
    ])
    assert.deepEqual(parseRange('12:30', '@just', forgetful), parseRange('12:30', undefined, noon))
    assert.throws(() => parseRange(undefined, '@deploy', forgetful), /is empty/)
    assert.equal(said.length, 1)
  })

  it('can be a marker by its text, its kind or the beginning of its text', () => {
    const marked: TimeScope = {
      ...noon,
      markers: [
        { at: at('2026-11-22T12:10:00Z'), kind: 'deploy', text: 'Release 42' },
        { at: at('2026-11-22T12:20:00Z'), kind: 'note', text: 'rollback' },
        { at: at('2026-11-22T12:30:00Z'), kind: 'note', text: 'rollback done' },
      ],
    }
    assert.equal(read('@rollback', marked), '2026-11-22T12:20:00.000Z')
    assert.equal(read('@deploy', marked), '2026-11-22T12:10:00.000Z')
    assert.equal(read('@release', marked), '2026-11-22T12:10:00.000Z')
    assert.throws(() => read('@roll', marked), /fits 2 times/)
    assert.throws(
      () => read('@nothing', marked),
      (error: TimeError) => error.remedy.includes('"@rollback done"'),
    )
  })
})

describe('a range', () => {
  const text = (from: string | undefined, to: string | undefined): string[] => {
    const range = parseRange(from, to, noon)
    return [isoUtc(range.from).slice(11, 19), isoUtc(range.to).slice(11, 19)]
  }
  it('is the whole recording by default', () => {
    assert.deepEqual(text(undefined, undefined), ['12:00:00', '13:00:00'])
  })
  it('counts + in its end from its start', () => {
    assert.deepEqual(text('12:30', '+90s'), ['12:30:00', '12:31:30'])
    assert.deepEqual(text(undefined, '+90s'), ['12:00:00', '12:01:30'])
    assert.deepEqual(text('+5m', '+5m'), ['12:05:00', '12:10:00'])
  })
  it('can be written as one argument', () => {
    assert.deepEqual(parseSpan('12:10..+5m', noon), parseRange('12:10', '+5m', noon))
    assert.deepEqual(parseSpan('..12:10', noon), parseRange(undefined, '12:10', noon))
    assert.deepEqual(parseSpan('-5m..', noon), parseRange('-5m', undefined, noon))
    assert.throws(() => parseSpan('12:10', noon), /not a range/)
  })
  it('that is empty is refused', () => {
    assert.throws(() => text('12:30', '12:30'), /empty/)
    assert.throws(() => text('12:30', '12:10'), /empty/)
    assert.throws(() => text('13:00', undefined), /empty/)
  })
})

describe('ticks', () => {
  const tick = (seq: number, second: number, length = 1): TickSummary => ({
    seq,
    start: wallMicros(second * 1e6),
    length: micros(length * 1e6),
    requests: 0,
    answered: 0,
    fivexx: 0,
    failures: 0,
    headerSum: micros(0),
    gapBefore: null,
  })
  const span = (from: number, to: number) => ({ from: wallMicros(from * 1e6), to: wallMicros(to * 1e6) })

  it('belong to a range if their start does', () => {
    const ticks = [tick(0, 10), tick(1, 11), tick(2, 12), tick(3, 13)]
    assert.deepEqual(ticksWithin(ticks, span(11, 13)), [{ from: 1, to: 3 }])
    assert.deepEqual(ticksWithin(ticks, span(11.1, 13.1)), [{ from: 2, to: 4 }])
    assert.deepEqual(ticksWithin(ticks, span(20, 30)), [])
    assert.deepEqual(spanOf(ticks), span(10, 14))
    assert.equal(spanOf([]), null)
  })
  it('are selected in several ranges if the clock was set back', () => {
    const ticks = [tick(0, 100), tick(1, 101), tick(2, 50), tick(3, 51), tick(4, 100), tick(5, 101)]
    assert.deepEqual(ticksWithin(ticks, span(100, 102)), [
      { from: 0, to: 2 },
      { from: 4, to: 6 },
    ])
    assert.deepEqual(spanOf(ticks), span(50, 102))
  })
})

describe('a time zone', () => {
  const zones = fc.constantFrom(
    'UTC',
    'Europe/Berlin',
    'Asia/Kathmandu',
    'America/St_Johns',
    'Australia/Lord_Howe',
  )
  const instants = fc
    .integer({ min: Date.parse('2000-01-01'), max: Date.parse('2050-01-01') })
    .map((millis) => wallMicros(millis * 1000))

  it('maps every instant to a local time that maps back to it', () => {
    fc.assert(
      fc.property(instants, zones, (wall, zone) => {
        const local = wall / 1000 + offsetMillis(wall, zone)
        assert.ok(instantsOf(local, zone).includes(wall))
        assert.equal(Date.parse(isoLocal(wall, zone)) * 1000, wall)
      }),
    )
  })
  it('shows the same times as the platform', () => {
    fc.assert(
      fc.property(instants, zones, (wall, zone) => {
        const shown = new Date(wall / 1000).toLocaleString('sv-SE', { timeZone: zone })
        assert.equal(localDateTime(wall, zone), shown)
      }),
    )
    assert.equal(clockTimeMillis(at('2026-07-01T00:00:00.250Z'), 'Asia/Kathmandu'), '05:45:00.250')
  })
})

describe('a duration', () => {
  it('adds up its parts', () => {
    assert.equal(parseDuration('1h30m'), 5400e6)
    assert.equal(parseDuration('1.5s'), 1.5e6)
    assert.equal(parseDuration('250ms'), 250e3)
    for (const text of ['', '5', 'm', '5 parsecs', '5m!']) assert.equal(parseDuration(text), null, text)
  })
})
