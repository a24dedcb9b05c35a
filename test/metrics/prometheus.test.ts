/** A real Prometheus: scrapes a recorder, has the blocks of a recording, and runs rules and dashboard. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { FAMILIES } from '../../src/metrics/families.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { runCommand } from '../cli/run-command.ts'
import { scrape, startScraped } from './scraped.ts'

const ROOT = join(import.meta.dirname, '../..')
const CONTRIB = join(ROOT, 'contrib')
const PROBE = join(ROOT, 'fixtures/probe/simulated.ndjson')
const INCIDENT = join(ROOT, 'fixtures/recordings/incident.db')
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined
const WITHOUT = has('promtool') && has('prometheus') ? false : 'needs prometheus: apt-get install prometheus'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-prometheus-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function promtool(words: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync('promtool', words, {
    cwd: join(CONTRIB, 'prometheus'),
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  })
  assert.equal(status, 0, stdout + stderr)
  return stdout + stderr
}

interface Panel {
  readonly targets?: readonly { readonly expr: string }[]
}
const DASHBOARD = JSON.parse(readFileSync(join(CONTRIB, 'grafana/upstreamtop.json'), 'utf8')) as {
  readonly panels: readonly Panel[]
}
const dashboardQueries = DASHBOARD.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** As Prometheus stores them. */
const METRICS = new Set(
  FAMILIES.flatMap(({ name, type }) => {
    if (type === 'histogram') return ['_bucket', '_count', '_sum'].map((suffix) => name + suffix)
    return [type === 'counter' ? `${name}_total` : type === 'info' ? `${name}_info` : name]
  }),
)
const RULES = readFileSync(join(CONTRIB, 'prometheus/rules.yml'), 'utf8')

test('the dashboard and the rules name only metrics that exist, and the page of docs/ every one', () => {
  const named = (text: string): string[] =>
    [...text.matchAll(/(?<![:\w])(?:upstreamtop|http_client)_\w+/g)].map(([name]) => name)
  const rules = RULES.replace(/^ *- record: .*$/gm, '')
  for (const name of [...dashboardQueries, rules].flatMap(named)) assert.ok(METRICS.has(name), name)
  const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `((?:upstreamtop|http_client)_\w+)` \| (\w+) \|/gm)]
  assert.deepEqual(
    rows.map(([, name, type]) => [name, type]),
    FAMILIES.map(({ name, type }) => {
      if (type === 'info') return [`${name}_info`, 'gauge']
      return [type === 'counter' ? `${name}_total` : name, type]
    }),
  )
  const alerts = [...RULES.matchAll(/^ *- alert: (\w+)$/gm)].map(([, alert]) => alert)
  assert.deepEqual(
    [...page.matchAll(/^\| `(Upstream\w+)` \|/gm)].map(([, alert]) => alert),
    alerts,
  )
  const unit = readFileSync(join(CONTRIB, 'prometheus/rules.test.yml'), 'utf8')
  for (const alert of alerts) assert.ok(unit.includes(`alertname: ${alert}`), `rules.test.yml shows ${alert}`)
})

test(
  'promtool takes the scrape config and the rules, and the rules fire when they should',
  { skip: WITHOUT },
  () => {
    assert.match(promtool(['check', 'config', 'scrape.yml']), /SUCCESS/)
    assert.match(promtool(['check', 'rules', 'rules.yml']), /SUCCESS: \d+ rules found/)
    assert.match(promtool(['test', 'rules', 'rules.test.yml']), /SUCCESS/)
  },
)

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Result {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

describe('a Prometheus', { skip: WITHOUT }, () => {
  let api = ''
  let live: ReportDocument
  let past: ReportDocument
  const ended: (() => void)[] = []
  after(() => ended.forEach((end) => end()))

  async function query(expression: string, at?: number): Promise<readonly Result[]> {
    const time = at === undefined ? '' : `&time=${at}`
    const answer = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(expression)}${time}`)
    const { status, data, error } = (await answer.json()) as {
      status: string
      data: { result: Result[] }
      error: string
    }
    assert.equal(status, 'success', `${expression}: ${error}`)
    return data.result
  }
  const sum = async (of: string, at?: number): Promise<number> =>
    Number((await query(`sum(${of})`, at))[0]?.value[1] ?? NaN)

  before(async () => {
    const text = join(folder, 'incident.om')
    const { code } = await runCommand([
      'report',
      INCIDENT,
      '--format',
      'openmetrics',
      '--metrics-routes',
      '--out',
      text,
    ])
    assert.equal(code, 0)
    const database = join(folder, 'tsdb')
    promtool(['tsdb', 'create-blocks-from', 'openmetrics', text, database])
    const [file, end] = [join(folder, 'live.db'), join(folder, 'end')]
    const probe = `head -n -1 ${PROBE}; while [ ! -e ${end} ]; do sleep 0.05; done; tail -n 1 ${PROBE}`
    const options = ['--metrics', '127.0.0.1:0', '--metrics-routes', '--probe', probe]
    const recorder = await startScraped('record', '--quiet', '--out', file, ...options)
    ended.push(() => recorder.child.kill())
    promtool(['check', 'metrics'], await scrape(recorder.url))
    const config = join(folder, 'prometheus.yml')
    const scrapes = readFileSync(join(CONTRIB, 'prometheus/scrape.yml'), 'utf8')
    writeFileSync(
      config,
      scrapes
        .replace('scrape_interval: 15s', 'scrape_interval: 500ms')
        .replace('127.0.0.1:9465', new URL(recorder.url).host)
        .replace('- rules.yml', `- ${join(CONTRIB, 'prometheus/rules.yml')}`),
    )
    const port = await freePort()
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${database}`,
        '--storage.tsdb.retention.time=100y',
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    )
    const gone = once(prometheus, 'exit')
    ended.push(() => prometheus.kill('SIGKILL'))
    api = `http://127.0.0.1:${port}`
    for (;;) {
      const ready = await fetch(`${api}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (ready && (await sum('upstreamtop_last_tick_timestamp_seconds{job="upstreamtop"}')) > 1_795_366_969)
        break
      assert.ok(prometheus.exitCode === null, 'prometheus ended')
      await Promise.race([pause(200), gone])
    }
    const report = async (of: string): Promise<ReportDocument> =>
      JSON.parse((await runCommand(['report', of, '--format', 'json'])).stdout) as ReportDocument
    const scraped = await query('{job="upstreamtop"}')
    assert.ok(scraped.length > 1000)
    writeFileSync(end, '')
    assert.equal(await recorder.ended, 0)
    ;[live, past] = [await report(file), await report(INCIDENT)]
    assert.ok(existsSync(database))
  })

  /** @param of the selector of its series @param at of the last sample, seconds */
  async function assertEqual(
    of: string,
    { totals, backends, coverage }: ReportDocument,
    at?: number,
  ): Promise<void> {
    const total = (name: string, more = ''): Promise<number> =>
      sum(`last_over_time(${name}{${of}${more}}[10m])`, at)
    assert.equal(await total('upstreamtop_requests_total'), totals.requests)
    assert.equal(await total('upstreamtop_in_flight'), totals.in_flight)
    for (const [code, count] of Object.entries(totals.codes))
      assert.equal(await total('upstreamtop_responses_total', `,http_response_status_code="${code}"`), count)
    for (const [reason, count] of Object.entries(totals.failures))
      assert.equal((await total('upstreamtop_failures_total', `,reason="${reason}"`)) || 0, count ?? 0)
    for (const [reason, count] of Object.entries(coverage.excluded))
      assert.equal((await total('upstreamtop_excluded_total', `,reason="${reason}"`)) || 0, count ?? 0)
    for (const { backend, requests, header_ms, routes } of backends) {
      const [address, port] = backend.split(':')
      const labels = `,server_address="${address}",server_port="${port}"`
      assert.equal(await total('upstreamtop_requests_total', labels), requests)
      assert.equal(await total('http_client_request_duration_seconds_count', labels), header_ms.sampled)
      assert.equal(
        await total('http_client_request_duration_seconds_bucket', `${labels},le="+Inf"`),
        header_ms.sampled,
      )
      const seconds = await total('http_client_request_duration_seconds_sum', labels)
      assert.equal(Math.round(seconds * 1e6), Math.round(header_ms.sum! * 1e3))
      for (const { method, route, requests: some } of routes)
        assert.equal(
          await total(
            'upstreamtop_requests_total',
            `${labels},http_request_method="${method}",url_template="${route}"`,
          ),
          some,
        )
    }
  }

  it('that scrapes a recorder has the totals of its report', () => assertEqual('job="upstreamtop"', live))

  it('that has the blocks of a recording has the totals of its report', () =>
    assertEqual('job=""', past, Date.parse(past.range.to) / 1000 + 1))

  it('computes the same p99 as the report, within a bucket', async () => {
    const at = Date.parse(past.range.to) / 1000 + 1
    for (const { backend, header_ms } of past.backends) {
      const [address] = backend.split(':')
      const buckets = `last_over_time(http_client_request_duration_seconds_bucket{job="",server_address="${address}"}[10m])`
      const [{ value }] = (await query(`histogram_quantile(0.99, sum by (le) (${buckets}))`, at)) as [Result]
      const ratio = (Number(value[1]) * 1000) / header_ms.p99!
      assert.ok(ratio > 0.75 && ratio < 1.34, `${backend}: ${ratio}`)
    }
  })

  it('answers every query of the dashboard', async () => {
    assert.ok(dashboardQueries.length > 15)
    for (const expression of dashboardQueries)
      await query(
        expression.replaceAll('$__rate_interval', '1m').replace(/\$(instance|upstream|server)/g, '.*'),
      )
  })
})
