/**
 * A recording's time zone becomes the process's TZ, because Intl costs a quarter of the first picture: the times must be the
 * same.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isoLocal, useProcessZone } from '../../src/frame/time/timezone.ts'
import { wallMicros } from '../../src/frame/model/units.ts'

const ZONES = ['Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia']

test('the process time zone and Intl agree on every time since 2000, also around changes of the clock', () => {
  const minute = fc.integer({ min: 15_778_080, max: 33_600_000 })
  for (const zone of ZONES) {
    fc.assert(
      fc.property(minute, (minutes) => {
        const wall = wallMicros(minutes * 60_000_000)
        process.env.TZ = zone
        useProcessZone(zone)
        assert.equal(Date.parse(isoLocal(wall, zone)), minutes * 60_000)
        assert.equal(isoLocal(wall, zone).slice(0, 16), textByIntl(minutes * 60_000, zone))
      }),
    )
  }
})

/** `2026-11-22T14:02` by Intl. */
const textByIntl = (millis: number, timeZone: string): string =>
  new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' })
    .format(millis)
    .replace(' ', 'T')
