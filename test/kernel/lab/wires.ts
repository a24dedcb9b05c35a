/** The helper's lines about wires, as they stand: what packets carry where NAT changes what was connected to. */
import assert from 'node:assert/strict'

export interface WireCounts {
  readonly connects: number
  readonly requests: number
  readonly failures: number
}

/** backend → address on the wire → counts; only rows that were sent */
export type Wires = Readonly<Record<string, Readonly<Record<string, WireCounts>>>>

interface Line {
  readonly type: string
  readonly id: number
  readonly backend: number
  readonly address: string
  readonly wires?: readonly (readonly number[])[]
}

interface Wire {
  readonly backend: string
  readonly address: string
  counts: WireCounts
}

/** Throws where the helper breaks the rules of the wire. */
export class WireLines {
  /** ids, in order */
  readonly retired: number[] = []
  readonly #backends = new Map<number, string>()
  readonly #wires = new Map<number, Wire>()

  /** Returns whether the line is about nothing else. */
  read(text: string): boolean {
    const line = JSON.parse(text) as Line
    if (line.type === 'backend') this.#backends.set(line.id, line.address)
    if (line.type === 'wire') this.#name(line)
    if (line.type === 'retired_wire') this.#retire(line.id)
    if (line.type === 'snapshot') {
      assert.ok(line.wires, 'each snapshot has wires')
      for (const row of line.wires) this.#count(row)
    }
    return line.type === 'wire' || line.type === 'retired_wire'
  }

  #name({ id, backend, address }: Line): void {
    const name = this.#backends.get(backend)
    assert.ok(name !== undefined, `backend ${backend} is named before its wire`)
    assert.ok(!this.#wires.has(id), `wire ${id} is new`)
    this.#wires.set(id, { backend: name, address, counts: NONE })
  }

  #retire(id: number): void {
    assert.ok(this.#wires.has(id) && !this.retired.includes(id), `wire ${id} was in use`)
    this.retired.push(id)
  }

  #count([id = -1, connects = -1, requests = -1, failures = -1, ...more]: readonly number[]): void {
    const wire = this.#wires.get(id)
    assert.ok(wire && !this.retired.includes(id), `wire ${id} is in use`)
    const { counts } = wire
    assert.deepEqual(more, [])
    assert.ok(connects >= counts.connects && requests >= counts.requests && failures >= counts.failures)
    wire.counts = { connects, requests, failures }
  }

  sums(): Wires {
    const sums: Record<string, Record<string, WireCounts>> = {}
    for (const { backend, address, counts } of this.#wires.values()) {
      const wires = (sums[backend] ??= {})
      wires[address] = plus(wires[address] ?? NONE, counts)
    }
    return sums
  }
}

const NONE: WireCounts = { connects: 0, requests: 0, failures: 0 }

export const plus = (a: WireCounts, b: WireCounts): WireCounts => ({
  connects: a.connects + b.connects,
  requests: a.requests + b.requests,
  failures: a.failures + b.failures,
})
