/** Frames as the helper would have written them: totals that grow, so that any script of traffic can be recorded by the real program. */
import type { Backend, Distribution, Route, SecondFrame } from '../../src/frame/model/frame.ts'
import type { ConnectionColumns, TrafficColumns } from '../../src/record/rows.generated.ts'
import type { HelloLine, RequestColumns, WireLine } from '../../src/record/wire.ts'
import { hello, snapshot } from '../record/wire-lines.ts'

const OUTCOMES = { reset: -1, closed: -2, aborted: -3, unanswered: -4 } as const

export function* linesOfFrames(frames: Iterable<SecondFrame>, host: string): Generator<WireLine> {
  const totals = new Totals()
  let before: SecondFrame | null = null
  for (const frame of frames) {
    if (before === null) {
      yield { ...(hello as HelloLine), host }
      yield { ...snapshot(0), ...clocks(frame, 0) }
    }
    yield* totals.namesIn(frame)
    yield {
      ...snapshot(0),
      ...clocks(frame, frame.length),
      traffic: frame.traffic.map((row) => totals.traffic(row)),
      connections: frame.connections.map((row) => totals.connection(row)),
      requests: frame.requests.map((event) => totals.request(event)),
      ...(frame.final ? { final: true } : {}),
    }
    before = frame
  }
  yield { type: 'bye', reason: 'stdin closed' }
}

function clocks({ start, mono }: SecondFrame, length: number) {
  const nanos = String(mono + BigInt(length) * 1000n)
  return { wall_us: start + length, mono_ns: nanos, boot_ns: nanos }
}

class Totals {
  readonly #slots = new Map<
    string,
    { readonly id: number; readonly sums: number[]; readonly codes: Map<number, number> }
  >()
  readonly #connections = new Map<number, number[]>()
  readonly #backends = new Set<number>();

  *namesIn({ traffic, connections }: SecondFrame): Generator<WireLine> {
    for (const { backend } of [...traffic, ...connections]) {
      if (this.#backends.has(backend.id)) continue
      this.#backends.add(backend.id)
      yield {
        type: 'backend',
        id: backend.id,
        address: backend.address,
        netns: backend.netns,
        names: backend.names ?? [],
      }
    }
    for (const { backend, route } of traffic) {
      if (this.#slots.has(keyOf(backend, route))) continue
      const id = this.#slots.size + 1
      this.#slots.set(keyOf(backend, route), { id, sums: Array<number>(14).fill(0), codes: new Map() })
      yield { type: 'route', id, backend: backend.id, method: route.method, path: route.path }
    }
  }

  traffic(row: SecondFrame['traffic'][number]): TrafficColumns {
    const { id, sums, codes } = this.#slots.get(keyOf(row.backend, row.route))!
    const { failures } = row
    const added = [
      ...[row.requests, row.answered, failures.reset, failures.closed, failures.aborted, failures.unanswered],
      ...[
        row.interim,
        row.retransmits,
        row.retries,
        row.bodyReset,
        row.header.sum,
        row.total.count,
        row.total.sum,
      ],
    ]
    added.forEach((count, i) => (sums[i]! += count))
    for (let i = 0; i < row.codes.length; i += 2)
      codes.set(row.codes[i]!, (codes.get(row.codes[i]!) ?? 0) + row.codes[i + 1]!)
    const [
      requests,
      answered,
      reset,
      closed,
      aborted,
      unanswered,
      interim,
      retransmits,
      retries,
      bodyReset,
      headerSum,
      totalCount,
      totalSum,
    ] = sums as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return [
      ...([
        id,
        requests,
        answered,
        reset,
        closed,
        aborted,
        unanswered,
        interim,
        retransmits,
        retries,
        bodyReset,
      ] as const),
      ...([String(headerSum), totalCount, String(totalSum), row.oldest, [...codes].flat()] as const),
      ...([samplesOf(row.header), samplesOf(row.total)] as const),
    ]
  }

  connection(row: SecondFrame['connections'][number]): ConnectionColumns {
    const sums = this.#connections.get(row.backend.id) ?? Array<number>(6).fill(0)
    this.#connections.set(row.backend.id, sums)
    const added = [
      row.connects,
      row.refused,
      row.connectTimeout,
      row.retransmits,
      row.opaque,
      row.connect.sum,
    ]
    added.forEach((count, i) => (sums[i]! += count))
    const [connects, refused, timeouts, retransmits, opaque, sum] = sums as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return [
      row.backend.id,
      connects,
      refused,
      timeouts,
      retransmits,
      opaque,
      String(sum),
      samplesOf(row.connect),
    ]
  }

  request({ backend, route, at, outcome, header, total }: SecondFrame['requests'][number]): RequestColumns {
    const code = typeof outcome === 'number' ? outcome : OUTCOMES[outcome]
    return [this.#slots.get(keyOf(backend, route))!.id, at, code, header ?? -1, total ?? -1]
  }
}

const keyOf = (backend: Backend, { method, path }: Route): string => `${backend.id} ${method} ${path}`
const samplesOf = ({ sampled, min, max, buckets }: Distribution): readonly number[] =>
  min === null || max === null ? [] : [sampled, min, max, ...buckets]
