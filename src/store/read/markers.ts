import type { Marker } from '../../frame/model/frame.ts'
import { wallMicros } from '../../frame/model/units.ts'
import { checkTime } from '../format/limits.ts'
import { inOrder } from '../sqlite/bounded.ts'
import {
  emptyIfDamaged,
  integer,
  nullIfDamaged,
  query,
  text,
  type Database,
  type SqlRow,
} from '../sqlite/database.ts'

const MARKER_KINDS = ['note', 'deploy', 'clock_step', 'suspend'] as const satisfies readonly Marker['kind'][]

/** Ordered by time. A kind of a later version becomes a note. Markers that cannot be read are skipped. */
export function readMarkers(database: Database): readonly Marker[] {
  const rows = emptyIfDamaged(() => [
    ...inOrder(query(database, 'SELECT id, at, kind, text FROM marker ORDER BY id').iterate()),
  ])
  return rows.flatMap((row) => nullIfDamaged(() => markerOf(row)) ?? []).sort((a, b) => a.at - b.at)
}

function markerOf([, at, kind, words]: SqlRow): Marker {
  const time = integer(at)
  checkTime(time, 0)
  return {
    at: wallMicros(time),
    kind: MARKER_KINDS.find((known) => known === kind) ?? 'note',
    text: text(words),
  }
}
