/** Marks that would cover each other stand in rows. Pure. */
export interface MarkPlace {
  /** 0 to 1 */
  readonly place: number
  /** 0: the first */
  readonly row: number
}

/** Of the width, for a number of two digits on a narrow screen. */
const ROOM = 0.03
const MAX_ROWS = 4

/** Beyond four rows they do cover each other. @param places in any order */
export function markPlaces(places: readonly number[]): readonly MarkPlace[] {
  const ends: number[] = []
  const rows = new Map<number, number>()
  const order = [...places.keys()].sort((a, b) => places[a]! - places[b]!)
  for (const i of order) {
    const free = ends.findIndex((end) => end <= places[i]!)
    const row = Math.min(MAX_ROWS - 1, free < 0 ? ends.length : free)
    ends[row] = places[i]! + ROOM
    rows.set(i, row)
  }
  return places.map((place, i) => ({ place, row: rows.get(i) ?? 0 }))
}
