/** Which backends and routes have rows in a range, and how many requests: that decides what is drawn. */
import type { BackendSum, RouteSum } from '../../../frame/model/aggregate.ts'
import { NO_CONNECTIONS, NO_COUNTS } from '../../../frame/model/nothing.ts'
import type { CellNames } from './names.ts'
import type { StepSink } from './step-cells.ts'
import type { Wanted } from './wanted.ts'

export class Ranking implements StepSink {
  readonly wantsTimes = false
  readonly #routes = new Map<number, number>()
  readonly #isThere: boolean[] = []
  #route = 0

  constructor(
    readonly names: CellNames,
    readonly wanted: Wanted,
  ) {}

  /** With no other counts than requests. */
  get backends(): readonly BackendSum[] {
    const routesOf = new Map<number, RouteSum[]>(
      this.#isThere.flatMap((isThere, number) => (isThere ? [[number, []]] : [])),
    )
    for (const [number, requests] of this.#routes) {
      const { backend, route } = this.names.routes[number]!
      const routes = routesOf.get(backend) ?? []
      routes.push({ ...NO_COUNTS, route, requests })
      routesOf.set(backend, routes)
    }
    return [...routesOf].map(([number, routes]) => ({
      ...NO_COUNTS,
      backend: this.names.backends[number]!,
      requests: routes.reduce((sum, { requests }) => sum + requests, 0),
      connection: NO_CONNECTIONS,
      routes,
    }))
  }

  readonly step = nothing
  readonly begin = nothing
  readonly grpc = nothing
  readonly times = nothing
  readonly bucket = nothing
  readonly connects = nothing

  route(number: number): boolean {
    this.#route = number
    // A backend is there with its connections alone, too.
    this.backend(this.names.routes[number]!.backend)
    return this.wanted.route(number)
  }

  counts(requests: number): void {
    this.#routes.set(this.#route, (this.#routes.get(this.#route) ?? 0) + requests)
  }

  backend(number: number): boolean {
    if (this.wanted.backend(number)) this.#isThere[number] = true
    return false
  }
}

const nothing = (): undefined => undefined
