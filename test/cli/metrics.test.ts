/** `--metrics` in record and live: what is scraped while it runs, and what is refused. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { WireLine } from '../../src/record/wire.ts'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { assertTotals } from '../metrics/compare.ts'
import { hasLabels, samplesIn, sumOf, type Sample } from '../metrics/parse.ts'
import { scrape, startScraped } from '../metrics/scraped.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-metrics-'))
after(() => rmSync(folder, { recursive: true }))
const PROBE = join(import.meta.dirname, '../../fixtures/probe/simulated.ndjson')

/** Its lines up to the last dump, then the rest when a file appears. */
const probeUntil = (name: string): string =>
  `head -n -1 ${PROBE}; while [ ! -e ${folder}/${name} ]; do sleep 0.05; done; tail -n 1 ${PROBE}`

const reported = async (file: string): Promise<ReportDocument> =>
  JSON.parse((await runCommand(['report', file, '--format', 'json'])).stdout) as ReportDocument

for (const byRoute of [false, true]) {
  test(`what is scraped is what report says of the same ticks${byRoute ? ', by route' : ''}`, async () => {
    const [file, end] = [join(folder, `scraped-${byRoute}.db`), `end-${byRoute}`]
    const options = ['--metrics', '127.0.0.1:0', ...(byRoute ? ['--metrics-routes'] : [])]
    const words = ['record', '--quiet', '--out', file, '--probe', probeUntil(end), ...options]
    const { url, ended } = await startScraped(...words)
    let samples: readonly Sample[]
    // The last frame of the lines that are there has been counted.
    do samples = samplesIn(await scrape(url))
    while (sumOf(samples, 'upstreamtop_last_tick_timestamp_seconds') < 1_795_366_969)
    writeFileSync(join(folder, end), '')
    assert.equal(await ended, 0)
    const { totals, backends, coverage } = await reported(file)
    assertTotals(samples, { totals, coverage })
    for (const { backend: address, header_ms, total_ms, routes } of backends) {
      const [server_address, server_port] = address.split(':') as [string, string]
      const labels = { server_address, server_port }
      const sums = (name: string): number => Math.round(sumOf(samples, name, labels) * 1e6)
      assert.equal(sumOf(samples, 'http_client_request_duration_seconds_count', labels), header_ms.sampled)
      assert.equal(sums('http_client_request_duration_seconds_sum'), Math.round(header_ms.sum! * 1e3))
      assert.equal(sums('upstreamtop_response_duration_seconds_sum'), Math.round(total_ms.sum! * 1e3))
      for (const { method, route: path, requests } of byRoute ? routes : [])
        assert.equal(
          sumOf(samples, 'upstreamtop_requests_total', {
            ...labels,
            http_request_method: method,
            url_template: path,
          }),
          requests,
        )
      assert.ok(
        samples.some((sample) => 'url_template' in sample.labels && hasLabels(sample, labels)) === byRoute,
      )
    }
  })
}

test('100 scrapes per second cost no tick', async () => {
  const [ticks, pairs] = [60, 100]
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => {
      const second = from + i
      const rows = Array.from({ length: pairs }, (_, slot) => {
        const sum = String(second * 2000)
        return [
          slot,
          second,
          second,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          sum,
          second,
          sum,
          0,
          [200, second],
          [],
          [],
        ] as never
      })
      return JSON.stringify(snapshot(second, { traffic: rows, final: second === ticks }))
    }).join('\n')
  const routes: WireLine[] = Array.from({ length: pairs }, (_, slot) => route(slot, `/r${slot}`))
  const begin = join(folder, 'begin.ndjson')
  writeFileSync(begin, [hello, backend, ...routes].map((line) => JSON.stringify(line)).join('\n') + '\n')
  writeFileSync(
    join(folder, 'ticks.ndjson'),
    `${lines(0, ticks + 1)}\n{"type":"bye","reason":"stdin closed"}\n`,
  )
  const file = join(folder, 'busy.db')
  const probe = `cat ${begin}; while read -r line; do printf "%s\\n" "$line"; sleep 0.05; done < ${folder}/ticks.ndjson`
  const words = ['--probe', probe, '--metrics', '127.0.0.1:0', '--metrics-routes']
  const { url, ended } = await startScraped('record', '--quiet', '--out', file, ...words)
  let isOver = false
  const over = ended.finally(() => (isOver = true))
  let scrapes = 0
  const timer = setInterval(() => {
    if (!isOver)
      scrape(url).then(
        () => scrapes++,
        () => undefined,
      )
  }, 10)
  assert.equal(await over, 0)
  clearInterval(timer)
  const { recording, totals, coverage } = await reported(file)
  assert.ok(scrapes > 0)
  assert.equal(recording[0]!.ticks, ticks)
  assert.equal(totals.requests, ticks * pairs)
  assert.deepEqual(coverage.gaps, [])
})

test('live has them, too, and its end closes the port', async () => {
  const { url, ended } = await startScraped('live', '--metrics', '127.0.0.1:0', '--probe', probeUntil('live'))
  assert.match(await scrape(url, 'application/openmetrics-text'), /# EOF\n$/)
  writeFileSync(join(folder, 'live'), '')
  assert.equal(await ended, 0)
  await assert.rejects(scrape(url))
})

test('a port that is in use ends it before anything is recorded', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  const file = join(folder, 'none.db')
  const words = ['record', '--out', file, '--metrics', `:${port}`, '--probe', `cat ${PROBE}; sleep 60`]
  const { code, stderr } = await runCommand(words)
  other.close()
  assert.equal(code, 4)
  assert.match(stderr, /^upstreamtop: --metrics ":\d+": the port is in use\n {2}Take another port/)
  assert.equal(existsSync(file), false)
})

test('a recorder that is always on goes on without a port that is in use, and takes it when it is free', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  const [file, lines] = [join(folder, 'always.db'), join(folder, 'always.ndjson')]
  const ticks = Array.from({ length: 40 }, (_, second) => snapshot(second, { final: second === 39 }))
  writeFileSync(lines, [hello, ...ticks].map((line) => `${JSON.stringify(line)}\n`).join(''))
  const go = join(folder, 'always')
  const probe = `head -n 8 ${lines}; while [ ! -e ${go} ]; do sleep 0.05; done; tail -n +9 ${lines} | while read -r line; do printf "%s\\n" "$line"; sleep 0.05; done; echo '{"type":"bye","reason":"stdin closed"}'`
  const words = ['record', '--append', '--out', file, '--metrics', `127.0.0.1:${port}`, '--probe', probe]
  const running = runCommand(words)
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 50))
  other.close()
  writeFileSync(go, '')
  const { code, stderr } = await running
  assert.equal(code, 0, stderr)
  assert.match(
    stderr,
    /^upstreamtop: --metrics "127\.0\.0\.1:\d+": the port is in use: it is recorded without metrics, and tried again$/m,
  )
  assert.match(stderr, /^upstreamtop: metrics at http:/m)
  assert.equal((await reported(file)).recording[0]!.ticks, 39)
})

test('a helper that does not start closes the port', async () => {
  const words = ['record', '--out', join(folder, 'no.db'), '--metrics', '127.0.0.1:0', '--probe', 'exit 4']
  assert.equal((await runCommand(words)).code, 4)
})

test('--metrics takes HOST:PORT, or a port of 127.0.0.1', async () => {
  const refused = [
    '',
    'x',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:x',
    '1.2.3:80',
    '256.0.0.1:80',
    '::1:80',
    '[::1]',
    '[x]:80',
    '[127.0.0.1]:80',
    'a b:80',
    'http://127.0.0.1:80',
    '127.0.0.1:80/metrics',
    '-1',
    '-x:80',
    '0x50',
  ]
  for (const text of refused) {
    const { code, stderr } = await runCommand(['record', '--out', join(folder, 'x.db'), `--metrics=${text}`])
    assert.equal(code, 2, text)
    assert.ok(stderr.includes(`--metrics "${text}" is no HOST:PORT`), stderr)
  }
  const probe = ['--probe', `cat ${PROBE}`]
  for (const text of ['127.0.0.1:0', '0', ':0', 'localhost:0', '[::1]:0']) {
    const { code, stderr } = await runCommand(['live', '--metrics', text, ...probe])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^metrics at http:\/\/(127\.0\.0\.1|\[::1\]):\d+\/metrics$/m)
  }
})

test('what is said of metrics needs --metrics', async () => {
  for (const words of [['--metrics-routes'], ['--metrics-series', '10']]) {
    const { code, stderr } = await runCommand(['live', '--probe', `cat ${PROBE}`, ...words])
    assert.equal(code, 2)
    assert.match(stderr, /--metrics-[a-z]+( "10")? is of metrics, and there are none\n {2}Add --metrics 127/)
  }
  const none = await runCommand(['live', '--metrics', '0', '--metrics-series', '0'])
  assert.equal(none.code, 2)
})
