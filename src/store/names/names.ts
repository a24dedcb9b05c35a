/** All backends and routes of a recording, in the order of their numbers. */
import type { Backend, Route } from '../../frame/model/frame.ts'
import { inOrder } from '../sqlite/bounded.ts'
import { emptyIfDamaged, integer, query, type Database } from '../sqlite/database.ts'
import type { DimensionReader } from './dimensions.ts'

export interface AllNames {
  readonly backends: readonly Backend[]
  readonly routes: readonly Route[]
}

export const allNames = (database: Database, names: DimensionReader): AllNames => ({
  backends: idsOf(database, 'backend').map((id) => names.backend(id).value),
  routes: idsOf(database, 'route').map((id) => names.route(id).value),
})

const idsOf = (database: Database, table: 'backend' | 'route'): readonly number[] =>
  emptyIfDamaged(() => [...inOrder(query(database, `SELECT id FROM ${table} ORDER BY id`).iterate())]).map(
    ([id]) => integer(id),
  )
