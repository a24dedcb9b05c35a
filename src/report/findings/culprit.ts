/** The route that causes nearly all of a finding. */
import { routeKey, type Aggregate, type BackendSum, type RouteSum } from '../../frame/model/aggregate.ts'

/** `METHOD route` of the route with more than nine tenths of the bad events; null without one, or if it is the only route. */
export function mainRoute(
  { backends }: Aggregate,
  badOf: (route: RouteSum, line: BackendSum) => number,
): string | null {
  const routes = backends.flatMap((line) =>
    line.routes.map((route) => ({ key: routeKey(route.route), bad: badOf(route, line) })),
  )
  const all = routes.reduce((total, { bad }) => total + bad, 0)
  const main = routes.find(({ bad }) => bad > 0.9 * all)
  return routes.length > 1 && main !== undefined ? main.key : null
}
