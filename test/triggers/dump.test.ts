/** Dumps on demand: `dump F`, and SIGUSR2 to the recorder. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { runCommand } from '../cli/run-command.ts'
import { dumpsIn, infoOf, probeOf, Recorder } from './recorder.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-dump-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let made = 0
const place = (name = String(made++)): string => {
  const own = join(folder, name)
  mkdirSync(own)
  return own
}
const lasting = (secs = 300): string => probeOf({ secs, rps: 20, stays: true })
const isRoot = process.getuid?.() === 0

/** A recorder that has all its ticks, and waits. */
async function recording(file: string, ...words: string[]): Promise<Recorder> {
  const recorder = new Recorder(['--out', file, ...words, '--probe', lasting()])
  await recorder.says(/^recording/m)
  while ((await ticksOf(file)) < 300) await pause(20)
  return recorder
}

const ticksOf = (file: string): Promise<number> =>
  infoOf(file).then(
    ({ ticks }) => ticks,
    () => 0,
  )

async function end(recorder: Recorder): Promise<void> {
  recorder.kill('SIGTERM')
  assert.equal(await recorder.ended(), 0, recorder.said)
}

describe('dump', () => {
  it('prints the name of a file with the last minutes', async () => {
    const own = place()
    const recorder = await recording(join(own, 'a.db'), '--quiet', '--exec', 'echo "ran $2"')
    const asked = await runCommand(['dump', join(own, 'a.db'), '--last', '2m'])
    assert.equal(asked.code, 0, asked.stderr)
    const name = asked.stdout.trimEnd()
    assert.match(name, /^\/.*web1-\d{8}T\d{6}Z-1\.db$/)
    const { ticks } = await infoOf(name)
    assert.ok(Math.abs(ticks - 120) <= 1, String(ticks))
    await recorder.says(new RegExp(`^dumped ${name}: dump$`, 'm'))
    await recorder.says(/^--exec: ran dump$/m)
    const whole = await runCommand(['dump', join(own, 'a.db')])
    assert.equal((await infoOf(whole.stdout.trimEnd())).ticks, 300)
    assert.match(whole.stderr, /^5m00s of 15m00s: the recording begins at/)
    assert.equal(lstatSync(join(own, 'a.db-dump')).mode & 0o777, 0o600)
    await end(recorder)
    assert.deepEqual(
      readdirSync(own).filter((each) => !each.startsWith('web1-')),
      ['a.db'],
    )
  })

  it('finds the recorder by a link, under --append, and by a name that is too long for a socket', async () => {
    const own = place('x'.repeat(120))
    symlinkSync('real.db', join(own, 'link.db'))
    const recorder = await recording(join(own, 'link.db'), '--append', '--quiet')
    for (const name of ['link.db', 'real.db']) {
      const { code, stdout, stderr } = await runCommand(['dump', join(own, name), '--last', '10s'])
      assert.equal(code, 0, stderr)
      assert.ok(stdout.startsWith(own))
    }
    await end(recorder)
    assert.equal(dumpsIn(own).length, 2)
  })

  it('that removes many old ones ends no recorder', async () => {
    const own = place()
    const recorder = await recording(join(own, 'a.db'), '--quiet', '--dump-keep', '1')
    const first = await runCommand(['dump', join(own, 'a.db'), '--last', '2s'])
    for (let number = 1; number <= 300; number++)
      linkSync(first.stdout.trimEnd(), join(own, `web1-20200101T000000Z-${number}.db`))
    const { code, stderr } = await runCommand(['dump', join(own, 'a.db'), '--last', '2s'])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^the oldest was removed: .* and 298 others$/m)
    await end(recorder)
    assert.equal(dumpsIn(own).length, 1)
  })

  it('without file descriptors fails, and the recording goes on', async () => {
    const own = place()
    const file = join(own, 'a.db')
    const recorder = await recording(file, '--quiet')
    const limit = (soft: string) =>
      execFileSync('prlimit', ['--pid', String(recorder.process.pid), `--nofile=${soft}:`])
    // What fails is another thing with each that is free: a file, the child's pipes, then the child has too few.
    const open = readdirSync(`/proc/${recorder.process.pid ?? ''}/fd`).map(Number)
    const free = Math.min(...open.map((fd) => fd + 1).filter((fd) => !open.includes(fd)))
    for (let more = 0; more < 8; more++) {
      limit(String(free + more))
      recorder.kill('SIGUSR2')
      await recorder.says(new RegExp(`(^(not )?dumped[^]*?){${more + 1}}`, 'm'))
    }
    assert.match(recorder.said, /^not dumped: .*EMFILE.* \(SIGUSR2\)$/m)
    limit('1024')
    const { code, stderr } = await runCommand(['dump', file, '--last', '2s'])
    assert.equal(code, 0, stderr)
    await end(recorder)
  })

  it('after the clock was set says how much it holds of what was asked for', async () => {
    for (const [secs, said] of [
      [20, /20s of 30s: the recording begins at/],
      [50, /^(?!.* of )/],
    ] as const) {
      const own = place()
      const step = { tick: 12, secs: -3600 }
      const recorder = new Recorder([
        ...['--out', join(own, 'a.db'), '--quiet', '--dump-last', '30s', '--probe'],
        probeOf({ secs, rps: 20, stays: true, step }),
      ])
      await recorder.says(/^recording/m)
      while ((await ticksOf(join(own, 'a.db'))) < secs) await pause(20)
      const { code, stderr } = await runCommand(['dump', join(own, 'a.db')])
      assert.equal(code, 0, stderr)
      assert.match(stderr, said)
      await end(recorder)
    }
  })

  it('of a file that nobody records says what else to do: exit 2', async () => {
    const own = place()
    const file = join(own, 'a.db')
    await runCommand(['synth', '-o', file, '--secs', '5'])
    const { code, stderr } = await runCommand(['dump', file])
    assert.equal(code, 2)
    assert.match(
      stderr,
      /a\.db" is not being recorded: there is no recorder to ask\n +Its last minutes: upstreamtop cut .*--from -15m/,
    )
    const none = await runCommand(['dump', join(own, 'none.db')])
    assert.equal(none.code, 2)
    assert.match(none.stderr, /none\.db" is no recording: there is no such file/)
    assert.equal((await runCommand(['dump', '-'])).code, 2)
    for (const span of ['soon', '0s'])
      assert.equal((await runCommand(['dump', file, '--last', span])).code, 2)
  })

  it('after kill -9 of the recorder asks nobody, and the next recorder answers again', async () => {
    const own = place()
    const file = join(own, 'a.db')
    const first = await recording(file, '--quiet')
    first.kill('SIGKILL')
    await first.ended()
    assert.equal((await runCommand(['dump', file])).code, 2)
    const next = await recording(file, '--quiet', '--append')
    assert.equal((await runCommand(['dump', file, '--last', '5s'])).code, 0)
    await end(next)
  })

  it(
    'asks no socket that somebody else has put there, and no file of that name',
    { skip: !isRoot && 'needs root' },
    async () => {
      const own = place()
      const file = join(own, 'a.db')
      await runCommand(['synth', '-o', file, '--secs', '5'])
      writeFileSync(`${file}-dump`, '')
      const planted = await runCommand(['dump', file])
      assert.equal(planted.code, 2)
      assert.match(planted.stderr, /a\.db-dump" is not the recorder's of/)
      rmSync(`${file}-dump`)
      const server = createServer((socket) => socket.end('{"file":"/etc/passwd"}\n')).listen(`${file}-dump`)
      const { chownSync } = await import('node:fs')
      chownSync(`${file}-dump`, 65_534, 65_534)
      const foreign = await runCommand(['dump', file])
      server.close()
      assert.equal(foreign.code, 2)
      assert.equal(foreign.stdout, '')
    },
  )

  it('is said to be impossible, and nothing else, where something lies in its place', async () => {
    const own = place()
    writeFileSync(join(own, 'a.db-dump'), 'precious')
    const recorder = await recording(join(own, 'a.db'), '--quiet')
    assert.match(
      recorder.said,
      /"upstreamtop dump" cannot reach this recorder: ".*a\.db-dump" is there already/,
    )
    await end(recorder)
    assert.ok(lstatSync(join(own, 'a.db-dump')).isFile())
  })

  it(
    'of a recorder of another user says who may ask: exit 4',
    { skip: !isRoot && 'needs root' },
    async () => {
      const own = place()
      chmodSync(folder, 0o755)
      chmodSync(own, 0o755)
      const recorder = await recording(join(own, 'a.db'), '--quiet')
      chmodSync(join(own, 'a.db'), 0o644)
      const asker = new Recorder([], {
        setpriv: ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'],
        command: ['dump', join(own, 'a.db')],
      })
      const code = await asker.ended()
      // Where the caller may not read the program, nothing can be asked.
      if (code !== 1) assert.equal(code, 4, asker.said)
      if (code === 4) assert.match(asker.said, /takes this from its own user alone\n.*user "0"/)
      await end(recorder)
    },
  )
})

describe('SIGUSR2', () => {
  it('dumps at once, each time, and the recording goes on', async () => {
    const own = place()
    const recorder = await recording(
      join(own, 'a.db'),
      '--quiet',
      '--dump-last',
      '1m',
      '--exec',
      'echo "ran $2"',
    )
    for (const number of [1, 2]) {
      recorder.kill('SIGUSR2')
      await recorder.says(new RegExp(`^dumped .*-${number}\\.db: SIGUSR2`, 'm'))
    }
    await recorder.says(/ran SIGUSR2[^]*ran SIGUSR2/)
    await end(recorder)
    assert.equal(dumpsIn(own).length, 2)
    assert.equal((await infoOf(join(own, 'a.db'))).ticks, 300)
  })

  it('before the first tick dumps with the first tick, and ends nothing', async () => {
    const own = place()
    const go = join(own, 'go')
    const waits = `while [ ! -e ${go} ]; do sleep 0.05; done; ${lasting(20)}`
    const recorder = new Recorder(['--out', join(own, 'a.db'), '--quiet', '--probe', waits])
    // The program has its handler once it has started its helper.
    while (!recorder.hasChild) await pause(5)
    recorder.kill('SIGUSR2')
    writeFileSync(go, '')
    await recorder.says(/^dumped .*: SIGUSR2/m)
    await end(recorder)
  })
})
