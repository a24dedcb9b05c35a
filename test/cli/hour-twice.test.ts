/** The hour that comes twice, in autumn: what is printed says which of the two it is, and can be entered as it is. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-twice-'))
after(() => rmSync(folder, { recursive: true }))

const file = join(folder, 'night.db')
const printed = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand(args)
  assert.equal(code, 0, stderr)
  return stdout
}

describe('a recording over the end of summer time', () => {
  before(async () => {
    const length = ['--secs', '7200', '--rps', '4', '--backends', '2', '--routes', '2']
    const incidents = ['--incident', '5xx@40m..50m', '--incident', '5xx@100m..110m']
    const place = ['--start', '2026-10-25T00:00:00Z', '--tz', 'Europe/Berlin']
    await printed('synth', '-o', file, ...length, ...place, ...incidents)
  })

  it('has the offset at every time of the report for people', async () => {
    const text = await printed('report', file)
    assert.match(
      text,
      /^upstreamtop · synth · 2026-10-25 02:00:00\+02:00 – 03:00:00\+01:00 Europe\/Berlin · 2h00m$/m,
    )
    assert.match(text, /^ {2}02:40:\d\d\+02:00–02:\d\d:\d\d\+02:00 {2}5xx on/m)
    assert.match(text, /^ {2}02:40:\d\d\+01:00–02:\d\d:\d\d\+01:00 {2}5xx on/m)
    assert.match(text, /^ +02:00:00\+02:00 +0\d:\d\d:\d\d\+01:00$/m)
    const bare = text.split('\n').filter((line) => /\d\d:\d\d:\d\d(?![\d.]*[+-]\d\d:\d\d)/.test(line))
    assert.deepEqual(bare, [])
    const minutes = await printed('report', file, '--by', 'minute', '--from', '+58m', '--to', '+4m')
    assert.match(minutes, /2026-10-25 02:59\+02:00/)
    assert.match(minutes, /2026-10-25 02:00\+01:00/)
    assert.match(await printed('report', file, '--format', 'html'), /"withOffset":true/)
  })

  it('has it in info, diff, requests and on the screen', async () => {
    assert.match(await printed('info', file), /^to +2026-10-25 03:00:00\+01:00 \(2h00m\)$/m)
    const base = '2026-10-25T02:10+02:00..2026-10-25T03:00+01:00'
    const target = '2026-10-25T02:10+01:00..2026-10-25T02:20+01:00'
    const differences = await printed('diff', file, '--base', base, '--target', target)
    assert.match(differences, /^ *base .* 2026-10-25 02:10:00\+02:00, /m)
    assert.match(differences, /^ *target .* 2026-10-25 02:10:00\+01:00, /m)
    const requests = await printed('requests', file, '--from', '+59m30s', '--to', '+60s')
    assert.match(requests, /^02:59:\d\d\.\d{3}\+02:00 /m)
    assert.match(requests, /^02:00:\d\d\.\d{3}\+01:00 /m)
    const at = '2026-10-25T02:30:00+01:00'
    assert.match(
      await printed('replay', file, '--print', '--at', at, '--size', '100x12'),
      /2026-10-25 02:30:00\+01:00 Europe\/Berlin/,
    )
  })

  it('has it where the range lies in one of the two hours: they look alike', async () => {
    const text = await printed('report', file, '--from', '+10m', '--to', '+10m')
    assert.match(text, /^upstreamtop · synth · 2026-10-25 02:10:00\+02:00 – 02:20:00\+02:00 Europe\/Berlin/m)
    const later = ['--from', '02:10+01:00', '--to', '02:20+01:00']
    assert.match(await printed('report', file, ...later), / 02:10:00\+01:00 – 02:20:00\+01:00 /)
  })

  it('has none where each time is one', async () => {
    const evening = join(folder, 'evening.db')
    const place = ['--start', '2026-10-24T20:00:00Z', '--tz', 'Europe/Berlin']
    await printed('synth', '-o', evening, '--secs', '60', ...place)
    const text = await printed('report', evening)
    assert.match(text, /^upstreamtop · synth · 2026-10-24 22:00:00 – 22:01:00 Europe\/Berlin/m)
    assert.doesNotMatch(text, /\+0[12]:00/)
    assert.doesNotMatch(await printed('report', file, '--tz', 'UTC'), /\+0[0-2]:00/)
  })

  it('says which times there are, with their offsets', async () => {
    const { code, stderr } = await runCommand(['report', file, '--from', '05:00'])
    assert.equal(code, 2)
    assert.match(stderr, /spans 2026-10-25 02:00:00\+02:00 to 2026-10-25 03:00:00\+01:00/)
  })
})
