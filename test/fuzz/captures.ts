/** Valid lines that the lines fuzzer mutates: parts of real captures, and a handwritten one with every kind of line. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RequestColumns, WireEntryColumns, WireLine } from '../../src/record/wire.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import type { ConnectionColumns, TrafficColumns } from '../../src/record/rows.generated.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/probe')

export const isSnapshot = (line: string): boolean => line.startsWith('{"type":"snapshot"')

/** Each has a hello first and at least four snapshots. */
export const CAPTURES: readonly (readonly string[])[] = [
  byHand().map((line) => JSON.stringify(line)),
  ...readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .flatMap((name) => partsOf(readFileSync(join(FOLDER, name), 'utf8').trimEnd().split('\n'))),
]

/** The first six ticks and the last six: an input should take about 1 ms. */
function partsOf(lines: readonly string[]): string[][] {
  const at = lines.flatMap((line, i) => (isSnapshot(line) ? [i] : []))
  const cut = at[6] ?? lines.length
  const late = at.at(-7) ?? 0
  return [
    lines.slice(0, cut + 1),
    [...lines.slice(0, late).filter((line) => !isSnapshot(line)), ...lines.slice(late)],
  ]
}

function byHand(): WireLine[] {
  const other: WireLine = { type: 'backend', id: 2, address: '[fd00::1]:8080', netns: 4026531840 }
  return [
    {
      ...hello,
      warnings: ['nginx could not be read'],
      unseen: [{ what: 'retries', remedy: 'let it' }],
    } as WireLine,
    { type: 'namespace', id: 4026531840, names: ['web'], cgroup: '/system.slice/nginx.service', host: false },
    snapshot(0, { wires: [] }),
    backend,
    route(7, '/api/orders'),
    route(8, '/caf\u00e9/\\xFF\u0007'),
    tick(1, [row(7, 10, 9), row(8, 3, 3)]),
    other,
    { type: 'route', id: 9, backend: 2, method: 'POST', path: '/checkout…' },
    { type: 'route', id: 10, backend: 1, method: '*', path: 'OTHER' },
    { type: 'wire', id: 1, backend: 1, address: '10.244.1.7:8080' },
    { type: 'wire', id: 2, backend: 1, address: '10.244.2.9:8080' },
    tick(
      2,
      [row(7, 30, 29), row(8, 3, 3), row(9, 2, 1), row(10, 1, 1)],
      [[2, 1, 0, 0, 0, 0, '310', [1, 310, 310, 83, 1]]],
      [[1, 2, 20, 0]],
    ),
    { type: 'retired', id: 8 },
    route(11, '/caf\u00e9/\\xFF\u0007'),
    tick(
      3,
      [row(7, 50, 50), row(9, 4, 2), row(11, 2, 2)],
      [[1, 2, 1, 1, 0, 3, '900', []]],
      [
        [1, 3, 30, 0],
        [2, 1, 2, 2],
      ],
    ),
    { type: 'retired_wire', id: 1 },
    { type: 'wire', id: 3, backend: 1, address: '10.244.1.7:8080' },
    tick(4, [row(7, 60, 60), row(9, 4, 4)]),
    tick(
      5,
      [row(7, 75, 75), row(11, 5, 5)],
      [[2, 4, 0, 0, 1, 0, '1000', [3, 100, 300, 70, 2, 83, 1]]],
      [
        [3, 1, 5, 0],
        [2, 1, 4, 3],
      ],
    ),
    { type: 'retired', id: 9 },
    { type: 'retired_backend', id: 2 },
    { ...other, id: 3 },
    tick(6, [row(7, 78, 78)], [[3, 1, 0, 0, 0, 0, '250', []]]),
    { ...tick(7, [row(7, 80, 80)]), final: true } as WireLine,
    { type: 'bye', reason: 'stdin closed' },
  ]
}

function tick(
  second: number,
  traffic: TrafficColumns[],
  connections: ConnectionColumns[] = [],
  wires: WireEntryColumns[] = [],
): WireLine {
  const at = snapshot(second).wall_us - 400_000
  const requests = traffic.flatMap(([slot], i): RequestColumns[] => [
    [
      slot,
      at,
      [200, 502, -1, -2, -3, -4][(second + i) % 6]!,
      (second + i) % 6 < 2 ? 1200 : -1,
      second % 2 === 0 ? 1500 : -1,
    ],
  ])
  return snapshot(second, { traffic, connections, requests, wires })
}

/** All answers but the last are 200; the last is 502. All are gRPC: OK, the last UNAVAILABLE. */
function row(slot: number, requests: number, answered: number): TrafficColumns {
  const codes = answered > 1 ? [200, answered - 1, 502, 1] : [200, answered]
  const sum = String(answered * 1200)
  const times = answered === 0 ? [] : [2, 1100, 1300, 112, 1, 115, 1]
  return [
    slot,
    requests,
    answered,
    0,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    sum,
    answered,
    sum,
    requests - answered,
    codes,
    times,
    times,
    String(100 * requests),
    String(1000 * answered),
    0,
    answered > 1 ? [0, answered - 1, 14, 1] : [0, answered],
  ]
}
