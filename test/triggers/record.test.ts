/** `record --on`: the real program, from lines of the helper. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { cutDump } from '../../src/cli/dumping/cut-dump.ts'
import { micros, wallMicros } from '../../src/frame/model/units.ts'
import { runCommand } from '../cli/run-command.ts'
import { dumpsIn, infoOf, probeOf, recorded, Recorder } from './recorder.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-triggers-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let made = 0
/** A folder for one test: the recording, and where its dumps go. */
function place(): { readonly file: string; readonly into: string } {
  const own = join(folder, String(made++))
  const into = join(own, 'dumps')
  mkdirSync(into, { recursive: true })
  return { file: join(own, 'web.db'), into }
}

/** Seconds 100 to 130 of 300 have 5xx of the second backend. */
const START = Date.parse('2026-11-28T09:33:32Z') * 1000
const INCIDENT = { kind: '5xx', from: 100, to: 130, backend: 1 } as const
const job = { secs: 300, rps: 30, incidents: [INCIDENT], start: START }
const ON = '5xx(*) > 20% for 5s'

describe('record --on', () => {
  it('marks when it begins to hold, dumps what led to it and the minute after, and runs the command with both', async () => {
    const { file, into } = place()
    const { code, said } = await recorded([
      ...['--out', file, '--quiet', '--on', ON, '--into', into, '--dump-last', '2m'],
      ...['--exec', `printf '%s\\n' "$1" "$2" > ${into}/told; echo done`, '--probe', probeOf(job)],
    ])
    assert.equal(code, 0, said)
    const [name, ...others] = dumpsIn(into)
    assert.deepEqual(others, [])
    // The fifth tick of the incident, or a little later: its share is a matter of chance.
    assert.match(name!, /^web1-20261128T0935(1[6-9]|2\d)Z-1\.db$/)
    const marker = /^5xx\(\*\) > 20% for 5s: 5xx\(10\.0\.1\.11:8080\) \d+\.\d%$/m.exec(said)![0]
    assert.match(said, new RegExp(`^dumped ${join(into, name!)}: `, 'm'))
    assert.match(said, /^--exec: done$/m)
    assert.deepEqual(readFileSync(join(into, 'told'), 'utf8').trimEnd().split('\n'), [
      join(into, name!),
      marker,
    ])
    const info = await infoOf(join(into, name!))
    const fired = Date.parse(`2026-11-28T09:35:${name!.slice(-8, -6)}Z`) + 1000
    assert.equal(info.host, 'web1')
    assert.ok(Math.abs(info.ticks - 120) <= 1, String(info.ticks))
    assert.ok(Math.abs(Date.parse(info.end) - fired - 60_000) < 1000, info.end)
    const { stdout } = await runCommand(['info', file])
    assert.ok(stdout.includes(marker), stdout)
    assert.equal((await runCommand(['check', join(into, name!)])).code, 0)
    assert.deepEqual(readdirSync(join(into, '..')).sort(), ['dumps', 'web.db'], 'nothing else is left')
  })

  it('dumps what is there when the recorder ends first, beside the recording by default', async () => {
    const { file, into } = place()
    const { code, said } = await recorded([
      '--out',
      file,
      '--quiet',
      '--on',
      ON,
      '--probe',
      probeOf({ ...job, secs: 120 }),
    ])
    assert.equal(code, 0, said)
    const beside = join(into, '..')
    assert.equal((await infoOf(join(beside, dumpsIn(beside)[0]!))).ticks, 120)
    assert.match(said, /; 2m00s of 15m00s: the recording begins at 2026-11-28T09:33:32\.000Z$/m)
  })

  it('dumps what --keep has left, and says how much that is', async () => {
    const { file, into } = place()
    const words = ['--keep', '40s', '--on', ON, '--into', into, '--probe', probeOf({ ...job, secs: 130 })]
    const { code, said } = await recorded(['--out', file, '--quiet', ...words])
    assert.equal(code, 0, said)
    assert.match(said, /^dumped .*; 4\ds of 15m00s: the recording begins at/m)
  })

  it('has several, each for itself, and keeps the newest of ours, and nothing else goes', async () => {
    const { file, into } = place()
    const old = 'web1-20200101T000000Z-'
    const [fake, link, other, ours] = [`${old}1.db`, `${old}2.db`, 'web2-20200101T000000Z-1.db', `${old}3.db`]
    writeFileSync(join(into, fake), 'no recording')
    writeFileSync(join(into, 'precious'), 'precious')
    symlinkSync(join(into, 'precious'), join(into, link))
    for (const name of [other, ours]) await runCommand(['synth', '-o', join(into, name), '--secs', '5'])
    const { code, said } = await recorded([
      ...['--out', file, '--quiet', '--on', ON, '--on', 'p99 > 1us', '--on', 'rps(/healthz) > 0'],
      ...['--into', into, '--dump-keep', '2', '--probe', probeOf(job)],
    ])
    assert.equal(code, 0, said)
    assert.equal(said.match(/^dumped /gm)?.length, 3, said)
    const left = dumpsIn(into)
    assert.deepEqual(left.slice(0, 2), [fake, link], 'they are not ours')
    assert.ok(left.includes(other), 'another host has its own')
    assert.equal(left.length, 3 + 2)
    assert.match(said, new RegExp(`the oldest was removed: .*${ours}`))
    assert.equal(readFileSync(join(into, 'precious'), 'utf8'), 'precious')
  })

  it('says why there is no dump, and goes on', async () => {
    const { file, into } = place()
    const words = [
      '--on',
      ON,
      '--into',
      into,
      '--min-free',
      '1KB',
      '--exec',
      'echo never',
      '--probe',
      probeOf({ ...job, stays: true }),
    ]
    const recorder = new Recorder(['--out', file, '--quiet', ...words])
    await recorder.says(/^recording/m)
    rmSync(into, { recursive: true })
    await recorder.says(/^not dumped: .* \(5xx\(\*\) > 20% for 5s: /m)
    recorder.kill('SIGINT')
    assert.equal(await recorder.ended(), 0)
    assert.doesNotMatch(recorder.said, /never|bug/)
    assert.equal((await infoOf(file)).ticks, 300)
  })

  it('leaves --min-free of the disk, and says so', async () => {
    const { file, into } = place()
    await runCommand(['synth', '-o', file, '--secs', '60'])
    const { start, end } = await infoOf(file)
    const [from, to] = [start, end].map((time) => wallMicros(Date.parse(time) * 1000))
    const wanted = {
      recording: file,
      into,
      host: 'web1',
      at: to!,
      span: { from: from!, to: to! },
      asked: micros(to! - from!),
      keep: 1,
    }
    const cut = (minFree: number) => cutDump({ ...wanted, minFree }, 0, new AbortController().signal)
    await assert.rejects(cut(1e18), /there is no room in ".*" for about .* are free, and --min-free leaves/)
    assert.deepEqual(readdirSync(into), [])
    assert.equal((await cut(0)).ticks, 60)
  })

  it('waits for a command that hangs no longer than it must, and says how one failed', async () => {
    const { file, into } = place()
    const words = [
      '--on',
      ON,
      '--into',
      into,
      '--exec',
      'echo out; echo err >&2; sleep 1000 & exit 7',
      '--probe',
      probeOf(job),
    ]
    const { code, said } = await recorded(['--out', file, '--quiet', ...words])
    assert.equal(code, 0)
    assert.match(said, /^--exec: out$/m)
    assert.match(said, /^--exec: err$/m)
    assert.match(said, /ended with exit code "7"$/m)
  })
})

describe('record refuses before anything has begun', () => {
  const refused = async (words: readonly string[], said: RegExp): Promise<void> => {
    const { file } = place()
    const { code, stderr } = await runCommand([
      'record',
      '--out',
      file,
      '--probe',
      `touch ${file}.ran`,
      ...words,
    ])
    assert.equal(code, 2, stderr)
    assert.match(stderr, said)
    assert.ok(!existsSync(file) && !existsSync(`${file}.ran`))
  }

  it('an expression that is none', async () => {
    await refused(
      ['--on', '5xx > 5% for'],
      /--on: expected a span such as 10s or 5m after "for".*character 13/,
    )
    await refused(['--on', 'p98 > 1s'], /--on: "p98" is no measure; did you mean "p9/)
    await refused(['--on', ''], /--on: expected backend/)
    await refused(['--on', 'status = 503'], /--on: status counts nothing here/)
    await refused(['--on', 'route = /'], /--on: nothing is measured/)
    await refused(['--on', 'p99 > +20%'], /--on: a change needs two sides/)
    await refused(['--on', '5xx > 5%', '--on', 'p99 >'], /--on: expected a number/)
  })

  it('a folder that is not there, is none, or may not be written', async () => {
    const { into } = place()
    await refused(['--into', `${into}/none`], /--into ".*none": there is no such folder/)
    writeFileSync(`${into}/file`, '')
    await refused(['--into', `${into}/file`], /no such folder/)
    await refused(['--into', 's3://bucket'], /is an address/)
    if (process.getuid?.() === 0) return
    chmodSync(into, 0o500)
    await refused(['--into', into], /you may not write there/)
  })

  it('numbers and spans that mean nothing', async () => {
    await refused(['--dump-keep', '0'], /--dump-keep "0" is no whole number from 1/)
    await refused(['--dump-last', '0s'], /--dump-last "0s" holds nothing/)
    await refused(['--dump-last', 'long'], /--dump-last "long" is no duration/)
    await refused(['--every', 'often'], /--every "often" is no duration/)
    await refused(['--exec', ' '], /--exec "": there is no command/)
  })
})
