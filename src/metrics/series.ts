/**
 * Which counters a row is added to: those of its labels, or of OTHER where there is no room for more. Who has come first stays, because
 * a counter that is given up and comes back would fall.
 */
import { OTHER, type Backend, type Route } from '../frame/model/frame.ts'
import { Counters } from './counters.ts'
import { backendLabels, OTHER_BACKEND, routeLabels } from './labels.ts'

/** What its rows are: a backend's all together, or with --metrics-routes those of one route, or what a backend has outside any request. */
export type SeriesKind = 'backend' | 'route' | 'connections'

export interface Series {
  readonly labels: string
  readonly kind: SeriesKind
  readonly counters: Counters
}

export interface SeriesLimits {
  /** one per backend and route instead of one per backend */
  readonly byRoute: boolean
  /** sets of labels at most; those of OTHER come on top */
  readonly most: number
}

/** Of the room, routes leave this part to backends that come later. */
const KEPT_FOR_BACKENDS = 1 / 4

export class SeriesTable {
  /** in the order of their first rows */
  readonly all: Series[] = []
  readonly #limits: SeriesLimits
  readonly #backends = new Map<string, BackendSeries>()
  /** by object: a backend that is retired and comes back is another object, and the one before is forgotten */
  readonly #known = new WeakMap<Backend, BackendSeries>()

  constructor(limits: SeriesLimits) {
    this.#limits = limits
  }

  ofBackend(backend: Backend): Counters {
    return this.#entryOf(backend).own
  }

  ofRoute(backend: Backend, route: Route): Counters {
    const entry = this.#entryOf(backend)
    return this.#limits.byRoute ? entry.of(route) : entry.own
  }

  #entryOf(backend: Backend): BackendSeries {
    let entry = this.#known.get(backend)
    if (entry === undefined) this.#known.set(backend, (entry = this.#findOrAdd(backendLabels(backend))))
    return entry
  }

  #findOrAdd(labels: string): BackendSeries {
    const known = this.#backends.get(labels)
    if (known !== undefined) return known
    if (labels !== OTHER_BACKEND && !this.#hasRoom(this.#limits.most)) return this.#findOrAdd(OTHER_BACKEND)
    const add = (kind: SeriesKind, more = ''): Counters => this.#add(kind, labels + more)
    const { most, byRoute } = this.#limits
    const hasRoom = (): boolean => labels !== OTHER_BACKEND && this.#hasRoom(most * (1 - KEPT_FOR_BACKENDS))
    const entry = new BackendSeries(add(byRoute ? 'connections' : 'backend'), add, hasRoom)
    this.#backends.set(labels, entry)
    return entry
  }

  #hasRoom(most: number): boolean {
    return this.all.length < most
  }

  #add(kind: SeriesKind, labels: string): Counters {
    const counters = new Counters()
    this.all.push({ labels, kind, counters })
    return counters
  }
}

class BackendSeries {
  readonly own: Counters
  readonly #add: (kind: SeriesKind, more: string) => Counters
  readonly #hasRoom: () => boolean
  readonly #routes = new Map<string, Counters>()
  readonly #known = new WeakMap<Route, Counters>()

  constructor(own: Counters, add: (kind: SeriesKind, more: string) => Counters, hasRoom: () => boolean) {
    this.own = own
    this.#add = add
    this.#hasRoom = hasRoom
  }

  of(route: Route): Counters {
    let counters = this.#known.get(route)
    if (counters === undefined) this.#known.set(route, (counters = this.#findOrAdd(routeLabels(route))))
    return counters
  }

  #findOrAdd(labels: string): Counters {
    let counters = this.#routes.get(labels)
    if (counters !== undefined) return counters
    if (labels !== OTHER_ROUTE && !this.#hasRoom()) return this.#findOrAdd(OTHER_ROUTE)
    this.#routes.set(labels, (counters = this.#add('route', `,${labels}`)))
    return counters
  }
}

const OTHER_ROUTE = routeLabels(OTHER)
