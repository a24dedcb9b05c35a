import type { Marker } from '../frame/frame.ts'
import { wallMicros } from '../frame/units.ts'
import { allOr, integer, query, text, type Database } from './database.ts'

export const MARKER_KINDS = [
  'note',
  'deploy',
  'clock_step',
  'suspend',
] as const satisfies readonly Marker['kind'][]

/** In the order of their times. A kind of a later version is a note. What cannot be read is not there. */
export function readMarkers(database: Database): readonly Marker[] {
  const rows = allOr(() => query(database, 'SELECT at, kind, text FROM marker ORDER BY at, id').all())
  return rows.map(([at, kind, words]) => ({
    at: wallMicros(integer(at)),
    kind: MARKER_KINDS.find((known) => known === kind) ?? 'note',
    text: text(words),
  }))
}
