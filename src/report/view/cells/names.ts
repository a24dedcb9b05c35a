/** Numbers for backends and for their routes, so that a packed row names them in a byte or two. They never change while a file is served. */
import { backendKey, leastKnown, routeKey } from '../../../frame/model/aggregate.ts'
import type { Backend, Route } from '../../../frame/model/frame.ts'
import { Interned } from '../../../frame/sum/interned.ts'

/** A route of one backend. */
export interface NamedRoute {
  /** the backend's number */
  readonly backend: number
  readonly route: Route
}

export class CellNames {
  /** by number */
  readonly backends: Backend[] = []
  /** by number */
  readonly routes: NamedRoute[] = []
  readonly #numbers = new Interned(
    backendKey,
    (backend: Backend) => this.#numbered(this.backends.push(backend) - 1),
    ({ number }, backend) => (this.backends[number] = leastKnown(this.backends[number]!, backend)),
  )

  backend(backend: Backend): number {
    return this.#numbers.of(backend).number
  }

  route(backend: Backend, route: Route): number {
    return this.#numbers.of(backend).routes.of(route)
  }

  #numbered(backend: number): { readonly number: number; readonly routes: Interned<Route, number> } {
    const routes = new Interned(routeKey, (route: Route) => this.routes.push({ backend, route }) - 1)
    return { number: backend, routes }
  }
}
