/** `lines`: the table of a range, with the numbers of `report --format json`. */
import { addressKey, routeKey, type BackendSum } from '../../../frame/model/aggregate.ts'
import type { Subject } from '../../../frame/views/drilldown.ts'
import type { Summary } from '../../data/summary.ts'
import { coverageEntry, severalNamespaces } from '../../document/json.ts'
import { linesBy, type Line } from '../../document/lines.ts'
import { orderOf, selectionOf, sideOf, summaryIn, withoutStatus, type View } from '../asking.ts'
import { jsonReply, type Reply } from '../http/reply.ts'
import type { Query } from '../query.ts'

export async function lines(view: View, query: Query, stop: AbortSignal): Promise<Reply> {
  const served = sideOf(view, query)
  const by = query.choice('by', ['backend', 'route'])
  const asked = {
    range: query.range(served.span),
    selection: withoutStatus(selectionOf(view, query)),
    order: orderOf(view, query),
  }
  const summary = await summaryIn(served, asked, stop)
  const { header } = summary.selected.totals
  const subjectOf = subjects(summary)
  return jsonReply({
    lines: linesBy(by, onlyOf(summary, query.text('backend')), [served.recording]).map((line) => ({
      ...line.keys,
      ...line.entity,
      ...(line.added ?? {}),
      subject: subjectOf(line),
    })),
    coverage: coverageEntry(summary),
    sampled: header.sampled,
    answered: summary.selected.totals.answered,
  })
}

/** Shares stay those of all. @param backend an addressKey */
function onlyOf(summary: Summary, backend: string | null): Summary {
  if (backend === null) return summary
  const isIt = (sum: BackendSum): boolean => addressKey(sum.backend) === backend
  const { selected } = summary
  return { ...summary, selected: { ...selected, backends: selected.backends.filter(isIt) } }
}

/** What a picture calls the line. */
function subjects({ selected }: Summary): (line: Line) => Subject | null {
  const several = severalNamespaces(selected)
  const keyOf = ({ address, netns }: { address: string; netns: number | null }): string =>
    several ? `${netns} ${address}` : address
  const known = new Map(selected.backends.map(({ backend }) => [keyOf(backend), addressKey(backend)]))
  return ({ keys: { backend, netns, method, route } }) => {
    const key = known.get(
      keyOf({ address: String(backend), netns: typeof netns === 'number' ? netns : null }),
    )
    if (key === undefined) return null
    const isRoute = typeof method === 'string' && typeof route === 'string'
    return { backend: key, route: isRoute ? routeKey({ method, path: route }) : null }
  }
}
