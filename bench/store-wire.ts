/**
 * A fake helper: writes the wire of a host with ROUTES active routes to stdout, once per second. With FILE it writes at full
 * speed, and adds a line to FILE every two hours of ticks.
 *
 *   node --import tsx bench/store-wire.ts ROUTES SECONDS [FILE]
 */
import { appendFileSync } from 'node:fs'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { Distribution, SecondFrame } from '../src/frame/model/frame.ts'
import { benchFrames } from './store-frames.ts'
import type { TrafficColumns } from '../src/record/rows.generated.ts'

const [routes = 200, seconds = 60] = process.argv.slice(2, 4).map(Number)
const progress = process.argv[4]
const REQUESTS = 5
const TWO_HOURS = 7200

interface Totals {
  answered: number
  headerSum: number
  totalSum: number
  readonly codes: Map<number, number>
}

const frames = [...benchFrames({ ticks: 6, rows: routes, requests: REQUESTS, ring: 1000 })]
const pairs = frames[0]!.traffic
const slots = new Map(pairs.map(({ backend, route }, slot) => [`${backend.id} ${route.id}`, slot]))
const totals = pairs.map((): Totals => ({ answered: 0, headerSum: 0, totalSum: 0, codes: new Map() }))
const started = Date.now() * 1000

const write = async (text: string): Promise<void> => {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}

function introduction(): string {
  const backends = [...new Map(pairs.map(({ backend }) => [backend.id, backend])).values()]
  const lines: object[] = [
    {
      type: 'hello',
      wire: 1,
      version: '0',
      wall_us: started,
      mono_ns: '0',
      boot_id: 'bench',
      host: 'bench',
      kernel: '6.18',
      interfaces: [{ index: 1, name: 'lo' }],
      front_doors: [],
      nginx: 'none',
      warnings: [],
    },
    { ...head(0), traffic: [], connections: [], requests: [] },
    ...backends.map(({ id, address, netns }) => ({ type: 'backend', id, address, netns })),
    ...pairs.map(({ backend, route: { method, path } }, id) => ({
      type: 'route',
      id,
      backend: backend.id,
      method,
      path,
    })),
  ]
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

function snapshot(frame: SecondFrame, tick: number, final: boolean): string {
  const shift = started + tick * 1e6 - frame.start
  return `${JSON.stringify({
    ...head(tick + 1),
    ...(final ? { final } : {}),
    traffic: frame.traffic.map((row, slot) => trafficColumns(row, slot)),
    connections: frame.connections.map(({ backend }) => [backend.id, tick + 1, 0, 0, 0, 0, '0', []]),
    requests: frame.requests.map((event) => [
      slots.get(`${event.backend.id} ${event.route.id}`),
      event.at + shift,
      event.outcome,
      event.header,
      event.total,
    ]),
  })}\n`
}

function trafficColumns(row: SecondFrame['traffic'][number], slot: number): TrafficColumns {
  const total = totals[slot]!
  total.answered += row.answered
  total.headerSum += row.header.sum
  total.totalSum += row.total.sum
  const changed: number[] = []
  for (let i = 0; i < row.codes.length; i += 2) {
    const count = (total.codes.get(row.codes[i]!) ?? 0) + row.codes[i + 1]!
    total.codes.set(row.codes[i]!, count)
    changed.push(row.codes[i]!, count)
  }
  const { answered, headerSum, totalSum } = total
  return [
    ...([
      slot,
      answered,
      answered,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      String(headerSum),
      answered,
      String(totalSum),
      0,
    ] as const),
    changed,
    histogram(row.header),
    histogram(row.total),
  ]
}

const histogram = ({ sampled, min, max, buckets }: Distribution): readonly number[] => [
  sampled,
  min ?? 0,
  max ?? 0,
  ...buckets,
]

/** All fields of a snapshot except rows. */
function head(tick: number): object {
  const count = tick * routes * REQUESTS
  return {
    type: 'snapshot',
    wall_us: started + tick * 1e6,
    mono_ns: String(BigInt(tick) * 1_000_000_000n),
    boot_ns: String(BigInt(tick) * 1_000_000_000n),
    cpu_us: 1000,
    rss_bytes: 8e6,
    loss: {
      ring_dropped: 0,
      map_refused: 0,
      unmatched_responses: 0,
      ambiguous: 0,
      evicted: 0,
      fragments: 0,
      half_seen: 0,
      path_folded: 0,
      pipeline_overflow: 0,
    },
    excluded: { front_door: 0, ignored: 0, not_selected: 0, routed: 0, tls: 0, h2: 0 },
    control: {
      segments: 2 * count,
      starts: 2 * count,
      continuations: 0,
      retransmits: 0,
      second_sightings: 0,
      not_http: 0,
      partial: 0,
      ambiguous: 0,
      fragments: 0,
      opaque: 0,
      excluded: 0,
      requests: count,
      answered: count,
      failed: 0,
    },
  }
}

await write(introduction())
for (let tick = 0; tick < seconds && !process.stdin.closed; tick++) {
  if (progress === undefined) await setTimeout(Math.max(0, started / 1000 + (tick + 1) * 1000 - Date.now()))
  else if (tick % TWO_HOURS === 0) appendFileSync(progress, `${tick / 3600}\n`)
  await write(snapshot(frames[tick % frames.length]!, tick, tick === seconds - 1))
}
await write(`${JSON.stringify({ type: 'bye', reason: 'done' })}\n`)
process.stdin.destroy()
