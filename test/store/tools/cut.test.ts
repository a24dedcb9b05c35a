import assert from 'node:assert/strict'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Backend, Route, SecondFrame } from '../../../src/frame/model/frame.ts'
import { wallMicros } from '../../../src/frame/model/units.ts'
import { ticksWithin } from '../../../src/frame/time/time.ts'
import { checkRecording } from '../../../src/store/tools/check.ts'
import { cutRecording, type CutRequest } from '../../../src/store/tools/cut.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { Child } from '../../torture/child.ts'
import { silent, withFolder } from '../../torture/kit.ts'
import { sampleFrames, writeSample } from '../../torture/sample.ts'
import { comparable, META } from '../support.ts'

const request = (out: string, from: number, to: number): CutRequest => ({
  ranges: [{ from, to }],
  span: { from: wallMicros(0), to: wallMicros(Number.MAX_SAFE_INTEGER) },
  keeps: null,
  redact: new Set(),
  maxSize: null,
  out,
})

const renumbered = (frame: SecondFrame, seq: number): SecondFrame => ({ ...frame, seq })

test('a cut has exactly the ticks of its range', async () => {
  await withFolder(async (folder) => {
    const [file, out] = [folder.file('x.db'), folder.file('cut.db')]
    const frames = writeSample(file, { secs: 200 })
    const source = openRecording(file)
    const { ticks, sha256 } = await cutRecording(source, request(out, 50, 170), silent)
    source.close()
    assert.equal(ticks, 120)
    assert.match(sha256, /^[0-9a-f]{64}$/)
    const cut = openRecording(out)
    frames.slice(50, 170).forEach((frame, i) => {
      assert.deepEqual(comparable(cut.frame(i)!), comparable(renumbered(frame, i)))
    })
    cut.close()
    assert.equal((await checkRecording(out, silent)).state, 'whole')
  })
})

test('a cut of a running recording loses no tick of it', async () => {
  await withFolder(async (folder) => {
    const [file, out] = [folder.file('x.db'), folder.file('cut.db')]
    const child = new Child({ file, ticks: 400, pause: 2, rps: 100 })
    await child.reached(100)
    const source = openRecording(file, { follow: true })
    await cutRecording(source, request(out, 0, 100), silent)
    source.close()
    await child.ended
    const whole = openRecording(file)
    assert.equal(whole.ticks.length, 400)
    assert.ok(whole.info.complete)
    whole.close()
    assert.equal((await checkRecording(out, silent)).state, 'whole')
  })
})

test('a cut drops single requests to fit the size, and never counts', async () => {
  await withFolder(async (folder) => {
    const [file, out] = [folder.file('x.db'), folder.file('cut.db')]
    const frames = writeSample(file, { secs: 120, rps: 300, requests: 300, routes: 3 })
    const source = openRecording(file)
    const all = await cutRecording(source, request(folder.file('all.db'), 0, 120), silent)
    const maxSize = Math.floor(all.bytes * 0.8)
    const { bytes, ringShare } = await cutRecording(source, { ...request(out, 0, 120), maxSize }, silent)
    source.close()
    assert.ok(bytes <= maxSize && ringShare > 0 && ringShare < 1, `${bytes} of ${maxSize}, ${ringShare}`)
    const cut = openRecording(out)
    const { totals } = cut.aggregate({ from: 0, to: 120 })
    assert.equal(totals.requests, sumOf(frames.map(ofFrame)).totals.requests)
    assert.ok(
      [...cut.requests({ from: 0, to: 120 })].some(
        ({ outcome }) => typeof outcome !== 'number' || outcome >= 500,
      ),
    )
    cut.close()
  })
})

test('a redacted cut contains no hidden text, and the same numbers', async () => {
  await withFolder(async (folder) => {
    const [file, out] = [folder.file('x.db'), folder.file('cut.db')]
    const secrets = Array.from({ length: 1000 }, (_, i) => `s3cr3t${i}x`)
    const frames = [...sampleFrames({ secs: 100 })].map((frame) => withSecrets(frame, secrets))
    const sink = createRecording(
      file,
      { ...META, host: `${secrets[0]!}.example`, arguments: secrets.slice(1, 5) },
      { durable: false },
    )
    sink.mark({ at: frames[3]!.start, kind: 'note', text: secrets[6]! })
    for (const frame of frames) sink.append(frame)
    sink.close()
    assert.ok(readFileSync(file).includes('s3cr3t'))
    const source = openRecording(file)
    await cutRecording(
      source,
      { ...request(out, 0, 100), redact: new Set(['paths', 'ips', 'hosts'] as const) },
      silent,
    )
    const before = source.aggregate({ from: 0, to: 100 })
    source.close()
    const bytes = readFileSync(out).toString('latin1')
    assert.ok(!bytes.includes('s3cr3t') && !bytes.includes('10.0.1.'))
    const cut = openRecording(out)
    const after = cut.aggregate({ from: 0, to: 100 })
    assert.deepEqual(after.totals, before.totals)
    assert.equal(after.backends.length, before.backends.length)
    assert.ok(after.backends.some(({ routes }) => routes.some(({ route }) => route.path.endsWith('/:id'))))
    cut.close()
  })
})

test('a cut over a step of the clock has no damage, and a gap only where time is left out', async () => {
  await withFolder(async (folder) => {
    const gapsOfCut = async (name: string, stepped: (i: number) => number, to: number): Promise<unknown> => {
      const [file, out] = [folder.file(`${name}.db`), folder.file(`${name}-cut.db`)]
      const frames = [...sampleFrames({ secs: 30 })].map((frame, i) => ({
        ...frame,
        start: wallMicros(frame.start + stepped(i) * 1e6),
      }))
      const sink = createRecording(file, META, { durable: false })
      for (const frame of frames) sink.append(frame)
      sink.close()
      const source = openRecording(file)
      const span = { from: frames[0]!.start, to: wallMicros(frames[0]!.start + to * 1e6) }
      const ranges = ticksWithin(source.ticks, span)
      assert.equal(ranges.length, 2)
      await cutRecording(source, { ...request(out, 0, 0), ranges, span }, silent)
      source.close()
      assert.equal((await checkRecording(out, silent)).state, 'whole')
      const cut = openRecording(out)
      cut.close()
      return cut.gaps.map((gap) => [gap.reason, Math.round((gap.to - gap.from) / 1e6)])
    }
    const back = (i: number): number => (i < 20 ? 0 : -10)
    const awayAndBack = (i: number): number => (i >= 10 && i < 20 ? 3600 : 0)
    assert.deepEqual(await gapsOfCut('back', back, 15), [])
    assert.deepEqual(await gapsOfCut('away', awayAndBack, 30), [['stopped', 10]])
  })
})

/** Puts a secret into every path and backend name, and into unknown methods. */
function withSecrets(frame: SecondFrame, secrets: readonly string[]): SecondFrame {
  const route = (of: Route): Route =>
    withSecrets.routes.get(of) ??
    remember(withSecrets.routes, of, {
      ...of,
      method: of.method === 'PUT' ? secrets[of.id]! : of.method,
      path: of.path
        .replace(/[a-z]+/g, (word) => `${word}${secrets[(word.length * 37 + of.id) % 1000]!}`)
        .replace(/:id.*/, ':id'),
    })
  const backend = (of: Backend): Backend =>
    withSecrets.backends.get(of) ??
    remember(withSecrets.backends, of, { ...of, names: [secrets[500 + of.id]!] })
  return {
    ...frame,
    traffic: frame.traffic.map((row) => ({ ...row, backend: backend(row.backend), route: route(row.route) })),
    connections: frame.connections.map((row) => ({ ...row, backend: backend(row.backend) })),
    requests: frame.requests.map((row) => ({
      ...row,
      backend: backend(row.backend),
      route: route(row.route),
    })),
  }
}
withSecrets.routes = new Map<Route, Route>()
withSecrets.backends = new Map<Backend, Backend>()

function remember<T>(map: Map<T, T>, key: T, value: T): T {
  map.set(key, value)
  return value
}
