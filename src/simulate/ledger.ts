/** Requests as the backends counted them, with the field names of the report's JSON. A recording of the same traffic must have the same counts. */
export interface RequestCounts {
  requests: number
  answered: number
  /** status code → answers */
  readonly codes: Map<number, number>
  /** grpc-status → calls that ended with it */
  readonly grpc: Map<number, number>
}

/** Counts an answer; of a gRPC call with its status. */
export type Answered = (status: number, grpcStatus?: number) => void

export interface LedgerEntity {
  readonly requests: number
  readonly answered: number
  readonly status: Readonly<Record<StatusClass, number>>
  readonly codes: Readonly<Record<string, number>>
  readonly grpc: Readonly<Record<string, number>>
}
export interface LedgerRoute extends LedgerEntity {
  readonly method: string
  readonly route: string
}
export interface LedgerBackend extends LedgerEntity {
  readonly backend: string
  readonly routes: readonly LedgerRoute[]
}
export interface LedgerReport {
  readonly totals: LedgerEntity
  readonly backends: readonly LedgerBackend[]
}

const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
type StatusClass = (typeof STATUS_CLASSES)[number]

export class Ledger {
  readonly #backends = new Map<string, Map<string, RequestCounts>>()

  /** A backend has a row even without requests. */
  open(backend: string): void {
    this.#backends.set(backend, new Map())
  }

  /** Counts a request. Returns a function that counts its answer. */
  request(backend: string, method: string, target: string): Answered {
    const counts = this.#countsOf(backend, `${method} ${target.split('?', 1)[0]!}`)
    counts.requests++
    return (status, grpcStatus) => {
      counts.answered++
      add(counts.codes, status, 1)
      if (grpcStatus !== undefined) add(counts.grpc, grpcStatus, 1)
    }
  }

  /** Sorted like `report --format json`: by requests, then by name. */
  report(): LedgerReport {
    const backends = [...this.#backends].map(([backend, byRoute]) => backendReport(backend, byRoute))
    backends.sort((a, b) => b.requests - a.requests || compareText(a.backend, b.backend))
    const all = [...this.#backends.values()].flatMap((byRoute) => [...byRoute.values()])
    return { totals: entity(all), backends }
  }

  #countsOf(backend: string, key: string): RequestCounts {
    const byRoute = this.#backends.get(backend) ?? new Map<string, RequestCounts>()
    this.#backends.set(backend, byRoute)
    let counts = byRoute.get(key)
    if (counts === undefined)
      byRoute.set(key, (counts = { requests: 0, answered: 0, codes: new Map(), grpc: new Map() }))
    return counts
  }
}

function backendReport(backend: string, byRoute: ReadonlyMap<string, RequestCounts>): LedgerBackend {
  const routes = [...byRoute].map(([key, counts]): LedgerRoute => {
    const space = key.indexOf(' ')
    return { method: key.slice(0, space), route: key.slice(space + 1), ...entity([counts]) }
  })
  routes.sort(
    (a, b) => b.requests - a.requests || compareText(a.method, b.method) || compareText(a.route, b.route),
  )
  return { backend, ...entity([...byRoute.values()]), routes }
}

function entity(parts: readonly RequestCounts[]): LedgerEntity {
  const codes = summed(parts.map((counts) => counts.codes))
  const grpc = summed(parts.map((counts) => counts.grpc))
  return {
    requests: sum(parts.map(({ requests }) => requests)),
    answered: sum(parts.map(({ answered }) => answered)),
    status: statusClasses(codes),
    codes: Object.fromEntries(codes),
    grpc: Object.fromEntries(grpc),
  }
}

function summed(parts: readonly ReadonlyMap<number, number>[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>()
  for (const counts of parts) for (const [key, count] of counts) add(sums, key, count)
  return sums
}

const add = (counts: Map<number, number>, key: number, count: number): unknown =>
  counts.set(key, (counts.get(key) ?? 0) + count)

function statusClasses(codes: ReadonlyMap<number, number>): Record<StatusClass, number> {
  const classes = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 }
  for (const [code, count] of codes) {
    const name = STATUS_CLASSES[Math.floor(code / 100) - 1]
    if (name !== undefined) classes[name] += count
  }
  return classes
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
