import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../store/support.ts'
import { framesFrom, record } from '../report/parquet/hours.ts'
import { runCommand } from './run-command.ts'

test('compact joins the days that have ended, and says how many files', () =>
  inFolder(async (folder) => {
    const [file, lake] = [join(folder, 'web.db'), join(folder, 'lake')]
    record(file, framesFrom('2025-11-22T20:02:30Z', 30, 300e6), { isNew: true })
    const hourly = await runCommand(['report', file, '--parquet', lake, '--hourly'])
    assert.match(hourly.stderr, /^3 hours added, \d+ files in .*lake: traffic [\d,]+, connections/)
    assert.match(
      (await runCommand(['report', file, '--parquet', lake, '--hourly'])).stderr,
      /^0 hours added, 0 files/,
    )
    const first = await runCommand(['compact', lake])
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stderr, /^\d+ files are \d+ now in .*lake\n$/)
    assert.match((await runCommand(['compact', lake])).stderr, /^nothing to join in .*lake\n$/)
    // The hours are there, in the day.
    assert.match(
      (await runCommand(['report', file, '--parquet', lake, '--hourly'])).stderr,
      /^0 hours added, 0 files/,
    )
  }))

test('what compact and --hourly cannot do is exit 2', () =>
  inFolder(async (folder) => {
    for (const [args, why] of [
      [['compact', join(folder, 'none')], /there is no folder ".*none"/],
      [['compact', import.meta.filename], /there is no folder ".*compact.test.ts"/],
      [['compact', folder, '--day', '2026-02-30'], /--day: "2026-02-30" is no date/],
      [['compact', folder, '--day', 'today'], /is no date/],
      [['compact', '-'], /./],
      [['compact', 's3://bucket/lake'], /is an address/],
      [['report', 'x.db', '--hourly'], /--hourly is for a data set/],
      [['report', 'x.db', '--hourly', '--parquet', folder, '--to', '50%'], /--hourly takes all full hours/],
    ] as const) {
      const { code, stderr } = await runCommand(args)
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, why)
    }
  }))
