import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openRecording } from '../../src/store/read/reader.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { zoneNamed } from '../../src/cli/values/local-zone.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-zone-'))
after(() => rmSync(folder, { recursive: true }))

const capture = join(folder, 'capture.ndjson')
const lines = [hello, snapshot(0), backend, route(7, '/a'), snapshot(1), snapshot(2, { final: true })]
writeFileSync(
  capture,
  [...lines, { type: 'bye', reason: 'end' }].map((line) => `${JSON.stringify(line)}\n`).join(''),
)

const ZONES = '/usr/share/zoneinfo'
const hasZones = existsSync(`${ZONES}/Asia/Tokyo`)

describe('TZ', () => {
  it('is a name, with a colon or without, in any spelling that libc takes', () => {
    for (const [value, name] of [
      ['Europe/Berlin', 'Europe/Berlin'],
      [':Europe/Berlin', 'Europe/Berlin'],
      ['posix/Europe/Berlin', 'Europe/Berlin'],
      ['UTC', 'UTC'],
      ['', 'UTC'],
      [':', 'UTC'],
      ['UTC0', 'UTC'],
      ['ABC0', 'UTC'],
    ] as const)
      assert.equal(zoneNamed(value), name, value)
  })

  it('may be a POSIX rule: that of a zone, or of a fixed offset', () => {
    for (const [value, name] of [
      ['CET-1CEST,M3.5.0,M10.5.0/3', 'CET'],
      ['CET-1CEST', 'CET'],
      ['EST5EDT,M3.2.0,M11.1.0', 'EST5EDT'],
      ['JST-9', 'Etc/GMT-9'],
      ['<+03>-3', 'Etc/GMT-3'],
      ['<-05>5', 'Etc/GMT+5'],
    ] as const)
      assert.equal(zoneNamed(value), name, value)
  })

  it('may be what has no name', () => {
    for (const value of [
      'garbage',
      'IST-5:30',
      'CET-1CEST,M1.1.0,M2.1.0',
      '/none',
      '/etc',
      '\u0000',
      '+01:00',
    ])
      assert.equal(zoneNamed(value), null, value)
  })

  it('may be a file: by its path, by what it links to, by its content', { skip: !hasZones }, () => {
    const linked = join(folder, 'linked')
    symlinkSync(`${ZONES}/Asia/Tokyo`, linked)
    const chain = join(folder, 'chain')
    symlinkSync('linked', chain)
    const copied = join(folder, 'copied')
    copyFileSync(`${ZONES}/Asia/Tokyo`, copied)
    const berlin = join(folder, 'berlin')
    copyFileSync(`${ZONES}/Europe/Berlin`, berlin)
    mkdirSync(join(folder, 'zoneinfo'))
    for (const path of [`${ZONES}/Asia/Tokyo`, `:${linked}`, chain, copied])
      assert.equal(zoneNamed(path), 'Asia/Tokyo', path)
    assert.equal(zoneNamed(berlin), 'Europe/Berlin')
    assert.equal(zoneNamed(capture), null)
  })

  it('without a name is UTC for --tz local, said once, never a bug', async () => {
    const file = 'fixtures/recordings/incident.db'
    for (const [TZ, shown] of [
      ['Europe/Berlin', 'Europe/Berlin'],
      [':Europe/Berlin', 'Europe/Berlin'],
      ['', 'UTC'],
    ] as const) {
      const { code, stdout, stderr } = await runCommand(['report', file, '--tz', 'local'], { env: { TZ } })
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout.split('\n')[0]!, new RegExp(` ${shown} · `))
    }
    const { code, stdout, stderr } = await runCommand(['report', file, '--tz', 'local'], {
      env: { TZ: 'garbage' },
    })
    assert.equal(code, 0)
    assert.match(stdout.split('\n')[0]!, / UTC · /)
    assert.equal(
      stderr,
      'upstreamtop: the time zone TZ="garbage" has no name: times are in UTC. Set TZ to a name such as Europe/Berlin.\n',
    )
  })

  it('of the recorder becomes the recording’s', () => {
    for (const [TZ, name, warnings] of [
      [':/etc/localtime', null, 0],
      ['Asia/Tokyo', 'Asia/Tokyo', 0],
      ['CET-1CEST,M3.5.0,M10.5.0/3', 'CET', 0],
      ['', 'UTC', 0],
      ['garbage', 'UTC', 1],
    ] as const) {
      const file = join(folder, `${Math.random()}.db`)
      const args = ['record', '--out', file, '--tz', 'local', '--probe', `cat ${capture}`]
      const ran = spawnSync(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], {
        env: { ...process.env, TZ },
        encoding: 'utf8',
      })
      assert.equal(ran.status, 0, ran.stderr)
      assert.equal(ran.stderr.split('has no name').length - 1, warnings, ran.stderr)
      const recording = openRecording(file)
      if (name !== null) assert.equal(recording.info.timeZone, name)
      recording.close()
    }
  })
})
