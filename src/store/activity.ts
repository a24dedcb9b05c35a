/** Who was busy when: requests of each backend in each tick, without opening the frames. */
import type { BackendActivity, SeqRange } from '../frame/recording.ts'
import type { Access } from './connection.ts'
import { allOr, integer, query } from './database.ts'
import { ROWS } from './schema.ts'

/** Not held against checksums: the reader compares the sum with the tick's. Nothing where the rows can't be read. */
export function readActivity({ database, names }: Access, { from, to }: SeqRange): BackendActivity[] {
  const sql = `SELECT id / ${ROWS} AS tick, backend, sum(requests) FROM traffic WHERE id >= ? AND id < ? GROUP BY tick, backend`
  return allOr(() => query(database, sql).all(from * ROWS, to * ROWS)).map(([seq, backend, requests]) => ({
    seq: integer(seq),
    backend: names.backend(integer(backend)).value,
    requests: integer(requests),
  }))
}
