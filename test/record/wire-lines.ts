/** Lines of the wire as the helper writes them, for tests of their readers. */
import type { SnapshotLine, WireLine } from '../../src/record/wire.ts'

export const hello: WireLine = {
  type: 'hello',
  wire: 1,
  version: '0.1.0',
  wall_us: 1_763_800_000_000_000,
  mono_ns: '1000000000',
  boot_id: '00000000-0000-4000-8000-000000000000',
  host: 'web1',
  kernel: '6.18.0',
  interfaces: [{ index: 1, name: 'lo' }],
  front_doors: [8080],
  nginx: 'known',
  warnings: [],
}

export const backend: WireLine = { type: 'backend', id: 1, address: '10.0.1.10:8080', netns: 4026531840 }

export const route = (id: number, path: string): WireLine => ({
  type: 'route',
  id,
  backend: 1,
  method: 'GET',
  path,
})

/** @param second ticks since attach */
export const snapshot = (second: number, changes: Partial<SnapshotLine> = {}): SnapshotLine => ({
  type: 'snapshot',
  wall_us: 1_763_800_000_000_000 + second * 1_000_000,
  mono_ns: String(1_000_000_000 + second * 1_000_000_000),
  boot_ns: String(1_000_000_000 + second * 1_000_000_000),
  cpu_us: 100,
  rss_bytes: 1_000_000,
  traffic: [],
  connections: [],
  requests: [],
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
    segments: 0,
    starts: 0,
    continuations: 0,
    retransmits: 0,
    second_sightings: 0,
    not_http: 0,
    partial: 0,
    ambiguous: 0,
    fragments: 0,
    opaque: 0,
    excluded: 0,
    requests: 0,
    answered: 0,
    failed: 0,
  },
  ...changes,
})

export async function* linesOf(messages: readonly WireLine[], torn = ''): AsyncGenerator<string> {
  for (const message of messages) yield await Promise.resolve(JSON.stringify(message))
  if (torn !== '') yield torn
}
