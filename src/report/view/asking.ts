/** What requests have in common: a recording, a range, a selection, an order. */
import { bothSelections, type Selection } from '../../frame/expression/selection.ts'
import { BY_REQUESTS, type Order } from '../data/order.ts'
import { summaryOf, type Summary } from '../data/summary.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { usageError } from '../../errors.ts'
import { Slices } from './cells/slices.ts'
import type { Query } from './query.ts'
import type { Served } from './served.ts'

/** What the command line has given. */
export interface View {
  readonly sides: readonly Served[]
  /** of --where */
  readonly selection: Selection
  /** as on the command line @throws UserError that points at the character */
  readonly parseWhere: (text: string) => Selection
  readonly parseSort: (text: string) => Order
}

export const sideOf = (view: View, query: Query, name = 'side'): Served => {
  const served = view.sides[query.side(name, view.sides.length)]!
  served.refresh()
  return served
}

/** Nested as deep as this, an expression is still parsed without an end of the stack. */
const MOST_WHERE = 1000

export function selectionOf(view: View, query: Query): Selection {
  const where = query.text('where')
  if ((where?.length ?? 0) > MOST_WHERE)
    throw usageError(`where: it is longer than ${MOST_WHERE} characters`, 'Select less at once.')
  return where === null ? view.selection : bothSelections(view.selection, view.parseWhere(where))
}

/** Status codes select single requests only. @throws UserError */
export function withoutStatus(selection: Selection): Selection {
  if (selection.codes === null) return selection
  throw usageError('where: "status" selects single requests, not lines', 'Leave it, or write 5xx > 1%.')
}

export function orderOf(view: View, query: Query): Order {
  const sort = query.text('sort')
  return sort === null ? BY_REQUESTS : view.parseSort(sort)
}

/** As `report` has it. */
export async function summaryIn(
  served: Served,
  query: { readonly range: TimeSpan; readonly selection: Selection; readonly order: Order },
  stop: AbortSignal,
): Promise<Summary> {
  const slices = new Slices(stop)
  await served.check(query.range, slices)
  const whole = await served.sums.of(query.range, slices)
  return summaryOf([served.recording], { ...query, top: null }, whole)
}
