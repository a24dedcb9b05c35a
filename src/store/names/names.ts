/** All backends, routes and wire addresses of a recording, in the order of their numbers. */
import type { Backend, Route, Wire } from '../../frame/model/frame.ts'
import { FIRST_WITH_WIRES } from '../format/schema.ts'
import { formatOf } from '../format/upgrade.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { emptyIfDamaged, integer, query, type Database } from '../sqlite/database.ts'
import type { DimensionReader } from './dimensions.ts'

export interface AllNames {
  readonly backends: readonly Backend[]
  readonly routes: readonly Route[]
  readonly wires: readonly Wire[]
}

export const allNames = (database: Database, names: DimensionReader): AllNames => ({
  backends: idsOf(database, 'backend').map((id) => names.backend(id).value),
  routes: idsOf(database, 'route').map((id) => names.route(id).value),
  wires:
    formatOf(database) < FIRST_WITH_WIRES ? [] : idsOf(database, 'wire').map((id) => names.wire(id).value),
})

const idsOf = (database: Database, table: 'backend' | 'route' | 'wire'): readonly number[] =>
  emptyIfDamaged(() => [...inOrder(query(database, `SELECT id FROM ${table} ORDER BY id`).iterate())]).map(
    ([id]) => integer(id),
  )
