/**
 * The output of a helper on a busy proxy, one tick per second: 200 active routes of 8 backends, 2,000 requests per second, 200
 * listed.
 */
import type { SnapshotLine, WireLine } from '../src/record/wire.ts'
import type { TrafficColumns } from '../src/record/rows.generated.ts'

const ROUTES = 200
const BACKENDS = 8
const LISTED = 200
const START = Date.now() * 1000

const write = (line: WireLine): boolean => process.stdout.write(`${JSON.stringify(line)}\n`)
const zeros = <Name extends string>(...names: readonly Name[]): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>

const LOSS: SnapshotLine['loss'] = {
  ...zeros('ring_dropped', 'map_refused', 'unmatched_responses', 'ambiguous', 'evicted'),
  ...zeros('fragments', 'half_seen', 'path_folded', 'pipeline_overflow'),
}
const EXCLUDED: SnapshotLine['excluded'] = zeros(
  'front_door',
  'ignored',
  'not_selected',
  'routed',
  'tls',
  'h2',
)
const CONTROL: SnapshotLine['control'] = {
  ...zeros('segments', 'starts', 'continuations', 'retransmits', 'second_sightings', 'not_http', 'partial'),
  ...zeros('ambiguous', 'fragments', 'opaque', 'excluded', 'requests', 'answered', 'failed'),
}

/** Per route: requests, their header times, its 5xx. */
const totals = Array.from({ length: ROUTES }, () => ({ requests: 0, sum: 0, bad: 0 }))
let seed = 1
const below = (limit: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit

function main(): void {
  write({
    ...{ type: 'hello', wire: 1, version: '0.1.0', wall_us: START, mono_ns: '1000000000' },
    ...{ boot_id: '04812163-daec-4ba1-9d7c-8df83852c14e', host: 'web1', kernel: '6.18' },
    ...{ interfaces: [{ index: 1, name: 'lo' }], front_doors: [8080], nginx: 'known', warnings: [] },
  })
  for (let id = 1; id <= BACKENDS; id++)
    write({ type: 'backend', id, address: `10.0.1.${9 + id}:8080`, netns: 1 })
  for (let id = 0; id < ROUTES; id++)
    write({
      type: 'route',
      id,
      backend: (id % BACKENDS) + 1,
      method: 'GET',
      path: `/api/v1/resource${id}/:id`,
    })
  snapshot(0, [], [])
  let second = 0
  setInterval(() => tick(++second), 1000)
}

function tick(second: number): void {
  const traffic = totals.map((_, slot) => row(slot))
  const requests = Array.from(
    { length: LISTED },
    (_, i) => [below(ROUTES), START + (second - 1) * 1e6 + i * 5000, 200, 900, 1200] as const,
  )
  snapshot(second, traffic, requests)
}

function row(slot: number): TrafficColumns {
  const total = totals[slot]!
  const requests = 5 + below(11)
  const bad = below(40) === 0 ? 1 : 0
  total.requests += requests
  total.sum += requests * (500 + below(4000))
  total.bad += bad
  const first = 150 + below(40)
  const times = [requests, 300, 9000, first, requests - 3, first + 5, 2, first + 30, 1]
  const codes =
    bad > 0 ? [200, total.requests - total.bad, 500, total.bad] : [200, total.requests - total.bad]
  const [done, sum] = [total.requests, String(total.sum)]
  return [slot, done, done, 0, 0, 0, 0, 0, 0, 0, 0, sum, done, sum, 0, codes, times, times]
}

function snapshot(
  second: number,
  traffic: SnapshotLine['traffic'],
  requests: SnapshotLine['requests'],
): void {
  const mono = String(1_000_000_000n * BigInt(second + 1))
  write({
    ...{ type: 'snapshot', wall_us: START + second * 1e6, mono_ns: mono, boot_ns: mono },
    ...{ cpu_us: 1000 * second, rss_bytes: 4e7, traffic, connections: [], requests },
    ...{ loss: LOSS, excluded: EXCLUDED, control: CONTROL },
  })
}

main()
