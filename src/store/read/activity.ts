/** Requests per backend and tick, without reading the frames. */
import type { BackendActivity, SeqRange } from '../../frame/model/recording.ts'
import { ROWS_PER_TICK } from '../format/schema.ts'
import { BoundedQuery } from '../sqlite/bounded.ts'
import { emptyIfDamaged, integer } from '../sqlite/database.ts'
import type { Access } from './connection.ts'

/** Checksums are not verified: the reader compares the sum with that of the tick. Empty if the rows can't be read. */
export function readActivity({ database, names }: Access, { from, to }: SeqRange): BackendActivity[] {
  const rows = `SELECT id / ${ROWS_PER_TICK} AS tick, backend, requests FROM traffic WHERE id >= ? AND id < ? LIMIT ?`
  const sql = `SELECT tick, backend, sum(requests) FROM (${rows}) GROUP BY tick, backend`
  return emptyIfDamaged(() =>
    new BoundedQuery(database, sql)
      .all(from * ROWS_PER_TICK, to * ROWS_PER_TICK)
      .map(([seq, backend, requests]) => ({
        seq: integer(seq),
        backend: names.backend(integer(backend)).value,
        requests: integer(requests),
      })),
  )
}
