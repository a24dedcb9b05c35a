/** `difference`: two ranges, of one recording or of both, with the numbers of `diff --format json`. */
import { usageError } from '../../../errors.ts'
import { BY_REQUESTS } from '../../data/order.ts'
import { differenceOf } from '../../gates/difference.ts'
import { DIFFERENCE_FORMATS } from '../../gates/difference-formats.ts'
import { Evidence } from '../../gates/evidence.ts'
import { selectionOf, sideOf, summaryIn, type View } from '../asking.ts'
import { inert, type Reply } from '../http/reply.ts'
import type { Query } from '../query.ts'

export async function difference(view: View, query: Query, stop: AbortSignal): Promise<Reply> {
  const selection = selectionOf(view, query)
  if (selection.lines !== null || selection.codes !== null)
    throw usageError(
      'where: only backend, upstream, method and route select rows of a difference',
      'Leave them.',
    )
  const evidence = async (name: 'base' | 'target'): Promise<Evidence> => {
    const served = sideOf(view, query, `${name}_side`)
    const asked = { range: query.span(name, served.span), selection, order: BY_REQUESTS }
    return new Evidence([served.recording], await summaryIn(served, asked, stop))
  }
  const found = differenceOf(await evidence('base'), await evidence('target'), [])
  return { status: 200, type: 'json', body: inert(DIFFERENCE_FORMATS.json(found)) }
}
