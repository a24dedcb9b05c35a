import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { micros } from '../../src/frame/model/units.ts'
import {
  bytes,
  count,
  latency,
  longSpan,
  percent,
  precisePercent,
  rate,
} from '../../src/render/quantities.ts'

test('latencies have a suitable unit and two significant digits', () => {
  const shown = [
    0, 850, 999, 1000, 2100, 9949, 9951, 140_000, 999_400, 999_600, 1_240_000, 59_000_000, 125_000_000,
  ]
  assert.deepEqual(
    shown.map((span) => latency(micros(span))),
    [
      '0µs',
      '850µs',
      '999µs',
      '1.0ms',
      '2.1ms',
      '9.9ms',
      '10ms',
      '140ms',
      '999ms',
      '1.0s',
      '1.2s',
      '59s',
      '2m05s',
    ],
  )
  assert.equal(latency(null), '–')
})

test('a small value is never shown as 0, and a share below 1 never as 100 %', () => {
  assert.equal(percent(0.001), '<1%')
  assert.equal(percent(0.999), '99%')
  assert.equal(percent(1), '100%')
  assert.equal(percent(0), '0%')
  assert.equal(precisePercent(0.99999), '99.9 %')
  assert.equal(precisePercent(0.997), '99.7 %')
  assert.equal(rate(0.01), '<0.1')
})

test('rates and counts stay within five cells', () => {
  assert.deepEqual([0, 0.4, 8, 9.5, 104, 9999, 12_400, 1.2e6].map(rate), [
    '0',
    '0.4',
    '8',
    '9.5',
    '104',
    '9999',
    '12.4k',
    '1.2M',
  ])
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (value) => {
      assert.ok(rate(value).length <= 5, rate(value))
      assert.ok(count(value).length <= 5, count(value))
    }),
  )
})

test('latencies stay within six cells', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_600_000_000 }), (span) => {
      assert.ok(latency(micros(span)).length <= 6, latency(micros(span)))
    }),
  )
})

test('durations and sizes have common units', () => {
  assert.deepEqual([7e6, 7.4e6, 125e6, 11_520e6, 187_200e6].map(longSpan), [
    '7s',
    '7.4s',
    '2m05s',
    '3h12m',
    '2d04h',
  ])
  assert.deepEqual([512, 4100, 25e6].map(bytes), ['512 B', '4.1 kB', '25.0 MB'])
})
