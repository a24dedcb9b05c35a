/** The numbers of `view` are those of `report`, `requests` and `diff`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import Sqlite from 'better-sqlite3'
import type { ReportDocument } from '../../../src/report/document/document.ts'
import type { PackedPicture } from '../../../src/report/picture/packed-picture.ts'
import { unpackPicture } from '../../../src/report/picture/packed-picture.ts'
import type { PageFacts, PageFinding } from '../../../src/report/picture/facts.ts'
import { addMicros } from '../../../src/frame/model/units.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { aggregateWithin } from '../../../src/report/data/fleet.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { createRecording } from '../../../src/store/write/writer.ts'
import { runCommand } from '../../cli/run-command.ts'
import { backend, frame, HOSTILE, incident, route, START } from '../fake.ts'
import { inFolder, META } from '../../store/support.ts'
import { fixture, view, viewOf } from './kit.ts'

type Facts = PageFacts & { readonly ticks: number; readonly growing: boolean; readonly sides: number }
interface Lines {
  readonly lines: readonly (Readonly<Record<string, unknown>> & {
    readonly subject: { readonly backend: string; readonly route: string | null } | null
  })[]
  readonly coverage: unknown
  readonly sampled: number
  readonly answered: number
}

const run = async (...args: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await runCommand(args)
  assert.ok(stdout.length > 0, stderr)
  return stdout
}
const iso = (second: number): string => new Date(second * 1000).toISOString()

const without = (object: object, ...names: readonly string[]): unknown =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))

const FIXTURES = ['incident', 'gap', 'grpc', 'simulated', 'format-1', 'format-2', 'clock-step']

for (const name of FIXTURES)
  test(`lines of ${name} are those of the report, for all of it and for a part`, async (t) => {
    const file = fixture(name)
    const { json } = await view(t, [file])
    const { from, to } = await json<Facts>('facts')
    const middle = Math.ceil(from + (to - from) / 3)
    for (const range of [null, { from: middle, to: middle + 7 }]) {
      const part = range === null ? [] : ['--from', iso(range.from), '--to', iso(range.to)]
      const query = range === null ? '' : `&from=${range.from}&to=${range.to}`
      const document = JSON.parse(await run('report', file, '--format', 'json', ...part)) as ReportDocument
      const backends = await json<Lines>(`lines?by=backend${query}`)
      assert.deepEqual(
        backends.lines.map((line) => without(line, 'subject')),
        document.backends.map((backend) => without(backend, 'routes', 'wire')),
      )
      assert.deepEqual(backends.coverage, document.coverage)
      assert.equal(backends.answered, document.totals.answered)
      assert.equal(backends.sampled, document.totals.header_ms.sampled ?? 0)
      for (const [i, { routes }] of document.backends.entries()) {
        const { subject } = backends.lines[i]!
        const own = await json<Lines>(
          `lines?by=route&backend=${encodeURIComponent(subject!.backend)}${query}`,
        )
        assert.deepEqual(
          own.lines.map(({ method, route, requests, header_ms }) => ({ method, route, requests, header_ms })),
          routes.map(({ method, route, requests, header_ms }) => ({ method, route, requests, header_ms })),
        )
        assert.deepEqual(
          own.lines.map((line) => line.subject?.route),
          routes.map(({ method, route }) => `${method} ${route}`),
        )
      }
    }
  })

test('a column of the heatmap sums to what was sampled, and lanes to the table', async (t) => {
  const { json } = await view(t, [fixture('incident')])
  const { picture } = await json<{ picture: PackedPicture }>('picture?steps=20')
  const { lines, from, to } = unpackPicture(picture)
  const table = await json<Lines>(`lines?by=backend&from=${from}&to=${to}`)
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)
  const sampled = lines[0]!.heat!.map((buckets) => sum(buckets.filter((_, i) => i % 2 === 1)))
  assert.equal(sum(sampled), table.sampled)
  assert.equal(sum(lines[0]!.series.answered), table.answered)
  assert.deepEqual(
    lines.slice(1).map(({ subject, series }) => [subject!.backend, sum(series.requests)]),
    table.lines.map(({ subject, requests }) => [subject!.backend, requests]),
  )
})

test('facts and findings are those of the report', async (t) => {
  const { json } = await view(t, [fixture('incident')])
  const document = JSON.parse(await run('report', fixture('incident'), '--format', 'json')) as ReportDocument
  const facts = await json<Facts>('facts')
  assert.deepEqual(
    [iso(facts.from), facts.ticks, facts.growing, facts.sides],
    [document.range.from, document.recording[0]!.ticks, false, 1],
  )
  assert.deepEqual(
    facts.gaps.map(({ reason }) => reason),
    document.coverage.gaps.map(({ reason }) => reason),
  )
  const findings = await json<PageFinding[]>('findings')
  assert.deepEqual(
    findings.map(({ kind, what, from }) => [kind, what, iso(from)]),
    document.findings.map(({ kind, what, from }) => [kind, what, from]),
  )
})

test('requests are those of the command, of a row or a cell, and what finds no room is counted', async (t) => {
  const file = fixture('incident')
  const { json } = await view(t, [file])
  interface Requests {
    readonly requests: readonly {
      readonly at: number
      readonly route: string
      readonly header_us: number | null
    }[]
    readonly more: number
  }
  const rows = (await run('requests', file, '--format', 'ndjson'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { at: string; route: string; header_ms: number | null })
  const all = await json<Requests>('requests?limit=2000')
  assert.equal(all.requests.length + all.more, rows.length)
  assert.deepEqual(
    all.requests.map(({ at, route, header_us }) => [
      Math.trunc(at * 1e3),
      route,
      header_us === null ? null : header_us / 1000,
    ]),
    rows.slice(0, 2000).map(({ at, route, header_ms }) => [Date.parse(at), route, header_ms]),
  )
  const cell = await json<Requests>('requests?low=10000&high=20000&limit=1')
  const inCell = rows.filter(({ header_ms }) => header_ms !== null && header_ms >= 10 && header_ms < 20)
  assert.equal(cell.requests.length + cell.more, inCell.length)
  assert.equal(cell.requests.length, 1)
})

test('a difference is that of the command, of two files and of two ranges', async (t) => {
  const [a, b] = [fixture('incident'), fixture('grpc')]
  const { json } = await view(t, [a, b])
  assert.deepEqual(
    await json('difference?target_side=1'),
    JSON.parse(await run('diff', a, b, '--format', 'json')),
  )
  const { from } = await json<Facts>('facts')
  const ranges = [`${from + 60}..${from + 120}`, `${from + 120}..${from + 180}`] as const
  assert.deepEqual(
    await json(`difference?base=${ranges[0]}&target=${ranges[1]}`),
    JSON.parse(await run('diff', a, '--base', ranges[0], '--target', ranges[1], '--format', 'json')),
  )
})

test('two recordings are two sides', async (t) => {
  const { json } = await view(t, [fixture('incident'), fixture('gap')])
  const [first, second] = [await json<Facts>('facts'), await json<Facts>('facts?side=1')]
  assert.deepEqual([first.sides, second.sides], [2, 2])
  assert.match(first.files[0]!, /incident/)
  assert.match(second.files[0]!, /gap/)
})

test('a damaged recording says its damage, and has what can be read of it, from the first answer', async (t) => {
  const firstQuestions = ['lines?by=backend', 'facts', 'picture?steps=4000', 'picture?steps=1', 'findings']
  for (const name of ['holed', 'truncated'])
    for (const question of firstQuestions) await sayDamage(t, name, question)
})

async function sayDamage(t: TestContext, name: string, question: string): Promise<void> {
  const { json, bugs } = await view(t, [fixture(name)])
  const first = await json<unknown>(question)
  const recording = openRecording(fixture(name), { verify: true })
  const sum = aggregateWithin([recording], spanOf(recording.ticks)!)
  recording.close()
  const { lines } = await json<Lines>('lines?by=backend')
  assert.deepEqual(
    lines.map(({ requests }) => requests),
    sum.backends.map(({ requests }) => requests).sort((x, y) => y - x),
    name,
  )
  assert.notDeepEqual((await json<Facts>('facts')).doubts, [], name)
  assert.deepEqual(await json(question), first, `${name}: ${question}`)
  assert.deepEqual(bugs, [])
}

test('damage in a long recording, which a report of a part finds, is said with that part, and from then on', async (t) => {
  await inFolder(async (folder) => {
    const file = join(folder, 'long.db')
    const sink = createRecording(file, META)
    for (let seq = 0; seq < 1500; seq++)
      sink.append(
        frame(seq, addMicros(START, seq * 1e6), [
          { backend: backend('10.0.0.1:80'), route: route('GET', '/'), times: [1000, 2000] },
        ]),
      )
    sink.close()
    const database = new Sqlite(file)
    database.exec('DELETE FROM traffic WHERE id >= 700 << 20 AND id < 710 << 20')
    database.close()
    const { json } = await view(t, [file])
    const said = async (query = '') => {
      const { answered } = await json<Lines>(`lines?by=backend${query}`)
      return { answered, gaps: (await json<Facts>('facts')).gaps.length }
    }
    const reported = async (...part: readonly string[]): Promise<number> =>
      (JSON.parse(await run('report', file, ...part, '--format', 'json')) as ReportDocument).totals.answered
    assert.deepEqual(await said(), { answered: 3000, gaps: 0 })
    assert.equal(await reported(), 3000)
    const part = await reported('--to', '+1000s')
    assert.deepEqual(await said(`&to=${START / 1e6 + 1000}`), { answered: part, gaps: 1 })
    assert.deepEqual([part, await said()], [1980, { answered: 2980, gaps: 1 }])
  })
})

test('a recording without a tick is an empty page', async (t) => {
  const { json, ask, bugs } = await view(t, [fixture('no-tick')])
  assert.equal((await json<Facts>('facts')).ticks, 0)
  assert.deepEqual(await json('findings'), [])
  assert.ok([200, 400].includes((await ask('picture')).status))
  assert.deepEqual(bugs, [])
})

test('hostile names are inert in every answer', async (t) => {
  const { json, ask } = await viewOf(t, [incident()])
  const { lines } = await json<Lines>('lines?by=route')
  const hostile = lines.find(({ subject }) => subject?.route?.includes('onerror') === true)?.subject
  const named = `backend=${encodeURIComponent(hostile?.backend ?? '')}&route=${encodeURIComponent(hostile?.route ?? '')}`
  for (const path of [
    'facts',
    'findings',
    `picture?${named}`,
    'lines?by=route',
    `requests?${named}`,
    'difference',
    `picture?where=${encodeURIComponent(HOSTILE)}`,
  ]) {
    const { body } = await ask(path)
    assert.doesNotMatch(body, /[<\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]/, path)
  }
  const { picture } = await json<{ picture: PackedPicture }>(`picture?${named}`)
  assert.ok(picture.lines.some(({ subject, heat }) => subject?.route === hostile?.route && heat !== null))
  assert.doesNotMatch(JSON.stringify(picture.lines.map(({ label }) => label)), /\\u001b|\u202e/)
})

test('a recording that grows has more ticks, and its new seconds in the next picture', async (t) => {
  await inFolder(async (folder) => {
    const file = join(folder, 'growing.db')
    const sink = createRecording(file, META)
    const tick = (seq: number): void =>
      sink.append(
        frame(seq, addMicros(START, seq * 1e6), [
          { backend: backend('10.0.0.1:80'), route: route('GET', '/'), times: [1000, 2000] },
        ]),
      )
    for (let seq = 0; seq < 130; seq++) tick(seq)
    const { json } = await view(t, [file], true)
    const seen = async () => {
      const { ticks, to, growing } = await json<Facts>('facts')
      const { picture } = await json<{ picture: PackedPicture }>('picture')
      const requests = unpackPicture(picture).lines[0]!.series.requests.reduce((sum, n) => sum + n, 0)
      const { answered } = await json<Lines>('lines?by=backend')
      return { ticks, length: to - START / 1e6, growing, requests, answered }
    }
    assert.deepEqual(await seen(), { ticks: 130, length: 130, growing: true, requests: 260, answered: 260 })
    for (let seq = 130; seq < 190; seq++) tick(seq)
    assert.deepEqual(await seen(), { ticks: 190, length: 190, growing: true, requests: 380, answered: 380 })
    sink.close()
  })
})
