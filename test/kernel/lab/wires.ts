/** What packets carry where NAT changes what was connected to. */
import assert from 'node:assert/strict'
import type { Aggregate } from '../../../src/frame/model/aggregate.ts'
import type { WireCounts } from '../../../src/frame/model/frame.ts'

/** backend → address on the wire → counts */
export type Wires = Readonly<Record<string, Readonly<Record<string, WireCounts>>>>

export function wiresOf({ wires }: Pick<Aggregate, 'wires'>): Wires {
  assert.ok(wires, 'each snapshot has wires')
  const sums: Record<string, Record<string, WireCounts>> = {}
  for (const { backend, wire, connects, requests, failures } of wires)
    (sums[backend.address] ??= {})[wire.address] = { connects, requests, failures }
  return sums
}
