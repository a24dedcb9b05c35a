/** What the backends counted themselves, with the field names of the report's JSON. A recording of the same traffic must equal it. */
export interface Tally {
  requests: number
  answered: number
  /** status code → answers */
  readonly codes: Map<number, number>
}

export interface LedgerEntity {
  readonly requests: number
  readonly answered: number
  readonly status: Readonly<Record<StatusClass, number>>
  readonly codes: Readonly<Record<string, number>>
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
  readonly #backends = new Map<string, Map<string, Tally>>()

  /** A backend without a request has its row too. */
  open(backend: string): void {
    this.#backends.set(backend, new Map())
  }

  /** Counts a request. Returns a function that counts its answer. */
  request(backend: string, method: string, target: string): (status: number) => void {
    const tally = this.#tally(backend, `${method} ${target.split('?', 1)[0]!}`)
    tally.requests++
    return (status) => {
      tally.answered++
      tally.codes.set(status, (tally.codes.get(status) ?? 0) + 1)
    }
  }

  /** Ordered as `report --format json` is: by requests, then by name. */
  report(): LedgerReport {
    const backends = [...this.#backends].map(([backend, tallies]) => backendReport(backend, tallies))
    backends.sort((a, b) => b.requests - a.requests || compareText(a.backend, b.backend))
    const all = [...this.#backends.values()].flatMap((tallies) => [...tallies.values()])
    return { totals: entity(all), backends }
  }

  #tally(backend: string, key: string): Tally {
    const tallies = this.#backends.get(backend) ?? new Map<string, Tally>()
    this.#backends.set(backend, tallies)
    let tally = tallies.get(key)
    if (tally === undefined) tallies.set(key, (tally = { requests: 0, answered: 0, codes: new Map() }))
    return tally
  }
}

function backendReport(backend: string, tallies: ReadonlyMap<string, Tally>): LedgerBackend {
  const routes = [...tallies].map(([key, tally]): LedgerRoute => {
    const space = key.indexOf(' ')
    return { method: key.slice(0, space), route: key.slice(space + 1), ...entity([tally]) }
  })
  routes.sort(
    (a, b) => b.requests - a.requests || compareText(a.method, b.method) || compareText(a.route, b.route),
  )
  return { backend, ...entity([...tallies.values()]), routes }
}

function entity(tallies: readonly Tally[]): LedgerEntity {
  const codes = new Map<number, number>()
  for (const tally of tallies)
    for (const [code, count] of tally.codes) codes.set(code, (codes.get(code) ?? 0) + count)
  return {
    requests: sum(tallies.map(({ requests }) => requests)),
    answered: sum(tallies.map(({ answered }) => answered)),
    status: statusClasses(codes),
    codes: Object.fromEntries([...codes].map(([code, count]) => [String(code), count])),
  }
}

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
