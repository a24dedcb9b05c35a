/** What the packets of a backend carry, as a list that adds up to the backend's own counts. */
import { failureCount } from '../expression/measure.ts'
import { backendKey, type Aggregate, type BackendSum } from '../model/aggregate.ts'
import type { WireCounts } from '../model/frame.ts'
import { compareBytes } from './ranking.ts'

export interface WireShare extends WireCounts {
  readonly address: string
}

type WiresOf = (sum: BackendSum) => readonly WireShare[] | null

/**
 * Per backend: sorted by requests, descending, then by the bytes of the address. Empty where nothing is translated; null: unknown.
 * What is in no wire entry was not translated, or never left this host: it is listed under the backend's own address.
 */
export function wiresByBackend({ wires }: Pick<Aggregate, 'wires'>): WiresOf {
  if (wires === null) return () => null
  if (wires.length === 0) return () => []
  const lines = new Map<string, WireShare[]>()
  for (const { backend, wire, connects, requests, failures } of wires) {
    const key = backendKey(backend)
    const line = { address: wire.address, connects, requests, failures }
    const of = lines.get(key)
    if (of === undefined) lines.set(key, [line])
    else of.push(line)
  }
  return (sum) => {
    const own = lines.get(backendKey(sum.backend))
    return own === undefined ? [] : withRemainder(own, sum).sort(byRequests)
  }
}

function withRemainder(lines: readonly WireShare[], sum: BackendSum): WireShare[] {
  // Dumps before the last one are not atomic: a wire entry may be ahead of its backend.
  const rest = (of: (line: WireCounts) => number): number =>
    Math.max(0, of(ownCounts(sum)) - lines.reduce((all, line) => all + of(line), 0))
  const remainder = {
    connects: rest(({ connects }) => connects),
    requests: rest(({ requests }) => requests),
    failures: rest(({ failures }) => failures),
  }
  if (remainder.connects + remainder.requests + remainder.failures === 0) return [...lines]
  const { address } = sum.backend
  const same = lines.find((line) => line.address === address)
  const others = lines.filter((line) => line !== same)
  return [...others, { address, ...(same === undefined ? remainder : added(same, remainder)) }]
}

const added = (a: WireCounts, b: WireCounts): WireCounts => ({
  connects: a.connects + b.connects,
  requests: a.requests + b.requests,
  failures: a.failures + b.failures,
})

/** The counts of a backend that are known of its wires, too. */
export const ownCounts = (sum: BackendSum): WireCounts => ({
  connects: sum.connection.connects,
  requests: sum.requests,
  failures: failureCount(sum),
})

const byRequests = (a: WireShare, b: WireShare): number =>
  b.requests - a.requests || compareBytes(a.address, b.address)
