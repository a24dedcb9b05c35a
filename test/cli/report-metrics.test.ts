/** `report --format openmetrics`. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { assertTotals } from '../metrics/compare.ts'
import { samplesIn, sumOf, type Sample } from '../metrics/parse.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-openmetrics-'))
after(() => rmSync(folder, { recursive: true }))
const FIXTURES = join(import.meta.dirname, '../../fixtures/recordings')
const INCIDENT = join(FIXTURES, 'incident.db')

async function report(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(['report', ...words])
  assert.equal(code, 0, stderr)
  return stdout
}

/** Of each series. */
function lastOf(text: string): readonly Sample[] {
  const last = new Map<string, Sample>()
  for (const sample of samplesIn(text)) last.set(sample.name + JSON.stringify(sample.labels), sample)
  return [...last.values()]
}

for (const words of [
  [],
  ['--metrics-routes', '--step', '1m'],
  ['--from', '15:02', '--to', '+90s', '--step', '1s'],
  ['--where', "backend = '10.0.1.10:8080'"],
  ['--where', "route = '/checkout'", '--metrics-routes'],
]) {
  test(`its last samples are the numbers of JSON: ${words.join(' ')}`, async () => {
    const common = words.filter(
      (word, i) => ![word, words[i - 1]].some((of) => /^--(step|metrics)/.test(of ?? '')),
    )
    const { totals, coverage } = JSON.parse(
      await report(INCIDENT, '--format', 'json', ...common),
    ) as ReportDocument
    const samples = lastOf(await report(INCIDENT, '--format', 'openmetrics', ...words))
    assert.ok(totals.requests > 100)
    assertTotals(samples, { totals, coverage })
    const header = 'http_client_request_duration_seconds'
    assert.equal(sumOf(samples, `${header}_count`), totals.header_ms.sampled)
    assert.equal(Math.round(sumOf(samples, `${header}_sum`) * 1e6), Math.round(totals.header_ms.sum! * 1e3))
  })
}

test('it is written to a file, from a gzipped recording and from standard input, too', async () => {
  const out = join(folder, 'incident.om')
  await report(INCIDENT, '--format', 'openmetrics', '--out', out)
  const whole = readFileSync(out, 'utf8')
  assert.ok((await report(INCIDENT, '--format', 'openmetrics')) === whole)
  assert.match(await report(join(FIXTURES, 'zipped.db.gz'), '--format', 'openmetrics'), /\n# EOF\n$/)
  const { stdout } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'src/main.ts', 'report', '-', '--format', 'openmetrics'],
    {
      cwd: join(import.meta.dirname, '../..'),
      input: readFileSync(INCIDENT),
      encoding: 'utf8',
      maxBuffer: 2 ** 25,
    },
  )
  assert.ok(stdout === whole)
})

test('a recording without ticks has the families and no sample', async () => {
  const text = await report(join(FIXTURES, 'no-tick.db'), '--format', 'openmetrics')
  assert.match(text, /^# TYPE upstreamtop_requests counter$/m)
  assert.deepEqual(samplesIn(text), [])
})

test('several hosts are told apart', async () => {
  for (const host of ['web1', 'web2'])
    assert.equal(
      (await runCommand(['synth', '-o', join(folder, `${host}.db`), '--host', host, '--secs', '20'])).code,
      0,
    )
  const files = ['web1', 'web2'].map((host) => join(folder, `${host}.db`))
  const samples = lastOf(await report(...files, '--format', 'openmetrics'))
  const { totals } = JSON.parse(await report(...files, '--format', 'json')) as ReportDocument
  assert.equal(sumOf(samples, 'upstreamtop_requests_total'), totals.requests)
  assert.equal(sumOf(samples, 'upstreamtop_requests_total', { host: 'web2' }) * 2, totals.requests)
})

test('what is of samples is refused elsewhere, and what is of lines here', async () => {
  const refused: readonly (readonly [RegExp, ...string[]])[] = [
    [/--step "15s" is of --format openmetrics/, '--step', '15s'],
    [
      /--metrics-routes is of metrics.*\n {2}Add --format openmetrics/,
      '--metrics-routes',
      '--format',
      'json',
    ],
    [/--metrics-series "5" is of metrics/, '--metrics-series', '5', '--parquet', join(folder, 'lake')],
    [/--step "0s" is less than a tick/, '--step', '0s', '--format', 'openmetrics'],
    [/--step "15" is no duration/, '--step', '15', '--format', 'openmetrics'],
    [/measures select lines of a report, not series/, '--where', 'p99 > 1ms', '--format', 'openmetrics'],
  ]
  for (const [words, ...options] of refused) {
    const { code, stdout, stderr } = await runCommand(['report', INCIDENT, ...options])
    assert.equal(code, 2, options.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, words)
  }
})

test('of a damaged recording it says what could not be read', async () => {
  const { code, stdout, stderr } = await runCommand([
    'report',
    join(FIXTURES, 'holed.db'),
    '--format',
    'openmetrics',
  ])
  const json = await runCommand(['report', join(FIXTURES, 'holed.db'), '--format', 'json'])
  assert.deepEqual([code, stderr], [json.code, json.stderr])
  if (code !== 0) return
  const { totals } = JSON.parse(json.stdout) as ReportDocument
  assert.equal(sumOf(lastOf(stdout), 'upstreamtop_requests_total'), totals.requests)
})

test('where there is no room for its temporary file it says so, and nothing is written', async () => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = join(folder, 'none')
  const { code, stdout, stderr } = await runCommand(['report', INCIDENT, '--format', 'openmetrics'])
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  assert.deepEqual([code, stdout], [4, ''])
  assert.match(stderr, /^upstreamtop: ".*none" has no room for a temporary file.*\n {2}Set TMPDIR/)
})
