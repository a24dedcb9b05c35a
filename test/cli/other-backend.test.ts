/** Backends that found no room are one row, `OTHER`, in every output; an address that was retired and came back is one row, too. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { runCommand } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-other-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'x.db')

const row = (slot: number, n: number): TrafficColumns =>
  [
    slot,
    n,
    n,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    String(n * 1000),
    n,
    String(n * 1000),
    0,
    [200, n],
    [],
    [],
  ] as unknown as TrafficColumns

before(async () => {
  const lines: WireLine[] = [
    hello,
    snapshot(0),
    backend,
    route(7, '/a'),
    { type: 'backend', id: 2, address: 'OTHER', netns: 4026531840 },
    { type: 'route', id: 8, backend: 2, method: '*', path: 'OTHER' },
    snapshot(1, { traffic: [row(7, 5), row(8, 7)], connections: [[2, 7, 3, 0, 0, 0, '700', []]] }),
    { type: 'retired', id: 7 },
    { type: 'retired_backend', id: 1 },
    { ...backend, id: 3 } as WireLine,
    { ...route(9, '/a'), backend: 3 } as WireLine,
    snapshot(2, { traffic: [row(9, 4)], final: true }),
    { type: 'bye', reason: 'stdin closed' },
  ]
  const capture = join(folder, 'lines')
  writeFileSync(capture, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { code, stderr } = await runCommand(['record', '--out', file, '--probe', `cat ${capture}`])
  assert.equal(code, 0, stderr)
})

const out = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runCommand([...args])
  assert.equal(code, 0, stderr)
  return stdout
}

test('JSON, CSV and HTML have it as a backend, and coverage is whole', async () => {
  const report = JSON.parse(await out('report', file, '--format', 'json')) as {
    coverage: { ratio: number }
    backends: { backend: string; requests: number; connects: number; routes: { route: string }[] }[]
  }
  assert.equal(report.coverage.ratio, 1)
  assert.deepEqual(
    report.backends.map(({ backend: name, requests, connects, routes }) => [
      name,
      requests,
      connects,
      routes.map((of) => of.route),
    ]),
    [
      ['10.0.1.10:8080', 9, 0, ['/a']],
      ['OTHER', 7, 7, ['OTHER']],
    ],
  )
  assert.match(await out('report', file, '--format', 'csv', '--by', 'backend'), /^OTHER,/m)
  assert.match(await out('report', file, '--format', 'html'), /OTHER/)
  assert.match(await out('replay', file, '--print', '--at', '0%'), /OTHER/)
})

test('an expression selects it, and a redacted cut keeps its name', async () => {
  const selected = ['--where', "backend = 'OTHER'", '--by', 'backend', '--format', 'csv']
  assert.equal((await out('report', file, ...selected)).trim().split('\n').length, 2)
  const cut = join(folder, 'cut.db')
  await out('cut', file, '--from', '0%', '--to', '100%', '--redact', 'ips', '-o', cut)
  assert.match(
    await out('report', cut, '--format', 'csv', '--by', 'backend'),
    /^198\.18\.0\.1:8080,[^]*^OTHER,/m,
  )
})
