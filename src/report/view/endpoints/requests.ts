/** `requests`: single ones, as they were recorded. */
import { usageError } from '../../../errors.ts'
import { selects } from '../../../frame/expression/selection.ts'
import { addressKey, routeKey } from '../../../frame/model/aggregate.ts'
import type { RequestEvent } from '../../../frame/model/frame.ts'
import { ticksWithin } from '../../../frame/time/time.ts'
import { labelOf } from '../../../frame/views/labels.ts'
import { visible } from '../../../render/text.ts'
import { selectionOf, sideOf, type View } from '../asking.ts'
import { Slices } from '../cells/slices.ts'
import { jsonReply, type Reply } from '../http/reply.ts'
import type { Query } from '../query.ts'
import type { Served } from '../served.ts'

const LIMIT = 200
const MOST = 2000

export async function requests(view: View, query: Query, stop: AbortSignal): Promise<Reply> {
  const served = sideOf(view, query)
  const range = query.range(served.span)
  const limit = query.count('limit', LIMIT, MOST)
  const isWanted = wanted(view, query)
  const found: RequestEvent[] = []
  const namespaces = new Set<number>()
  let more = 0
  for await (const event of eventsOf(served, range, new Slices(stop))) {
    namespaces.add(event.backend.netns)
    if (!isWanted(event)) continue
    if (found.length < limit) found.push(event)
    else more++
  }
  return jsonReply({ requests: found.map((event) => requestOf(event, namespaces.size > 1)), more })
}

function wanted(view: View, query: Query): (event: RequestEvent) => boolean {
  const selection = selectionOf(view, query)
  if (selection.lines !== null)
    throw usageError(
      'where: measures are of many requests',
      'A single one has backend, upstream, method, route and status.',
    )
  const [backend, route] = [query.text('backend'), query.text('route')]
  const [low, high] = [query.number('low') ?? -Infinity, query.number('high') ?? Infinity]
  const isTimed = low > -Infinity || high < Infinity
  return (event) =>
    (backend === null || addressKey(event.backend) === backend) &&
    (route === null || routeKey(event.route) === route) &&
    (!isTimed || (event.header !== null && event.header >= low && event.header < high)) &&
    selects(selection, event)
}

/** By the seconds in which they ended, in order within each. */
async function* eventsOf(
  { recording }: Served,
  range: Parameters<typeof ticksWithin>[1],
  slices: Slices,
): AsyncGenerator<RequestEvent> {
  for (const { from, to } of ticksWithin(recording.ticks, range))
    for (let seq = from; seq < to; seq++) {
      const events = [...recording.requests({ from: seq, to: seq + 1 })]
      yield* events.sort((a, b) => a.at - b.at)
      await slices.rest()
    }
}

/** Times in µs, the moment in seconds. */
const requestOf = ({ at, backend, route, outcome, header, total }: RequestEvent, several: boolean) => ({
  at: at / 1e6,
  method: visible(route.method),
  route: visible(route.path),
  backend: visible(labelOf(backend, several)),
  outcome: String(outcome),
  header_us: header,
  total_us: total,
})
