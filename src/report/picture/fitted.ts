/** Cuts a picture down to the room that there is. */
import type { Picture, PictureLine } from './picture.ts'
import { packPicture, type PackedPicture } from './packed-picture.ts'

export interface Fitted {
  readonly packed: PackedPicture
  /** whether what a page must have is in it: else a longer step is better */
  readonly isEnough: boolean
}

/** Those that come first. */
const BACKENDS = 8
const ROUTES = 4

/** A line without its heat, or its heat: what comes first is kept first. */
interface Part {
  readonly line: number
  readonly isHeat: boolean
  readonly rank: number
  readonly size: number
}

/** @param room characters of JSON. The sum of all stays, whatever its size. */
export function fitted(picture: Picture, room: number): Fitted {
  const packed = packPicture(picture)
  const parts = partsOf(picture, packed).sort((a, b) => a.rank - b.rank)
  const kept = new Set<string>()
  let left = room - JSON.stringify({ ...packed, lines: [] }).length
  let isEnough = true
  for (const part of parts) {
    const needed = ownersOf(picture.lines, part)
    if (part.rank > 0 && (part.size > left || !needed.every((key) => kept.has(key)))) {
      isEnough &&= part.rank > ENOUGH
      continue
    }
    kept.add(keyOf(part))
    left -= part.size
  }
  return { packed: withOnly(packed, picture, kept), isEnough: isEnough && left >= 0 }
}

const keyOf = ({ line, isHeat }: Pick<Part, 'line' | 'isHeat'>): string => `${line}${isHeat ? ' heat' : ''}`

/** The first backends, but not their heat and their routes: a finer step is worth more, and each step that is tried reads the range. */
const ENOUGH = 1

function partsOf({ lines }: Picture, packed: PackedPicture): Part[] {
  let [backend, route] = [-1, -1]
  return lines.flatMap(({ subject }, line) => {
    if (subject?.route === null) [backend, route] = [backend + 1, -1]
    else if (subject !== null) route++
    const { heat, ...rest } = packed.lines[line]!
    const of = (isHeat: boolean, size: number): Part => ({
      line,
      isHeat,
      size,
      rank: subject === null ? 0 : rankOf(backend, route, isHeat),
    })
    return [of(false, JSON.stringify(rest).length + 12), ...(heat === null ? [] : [of(true, heat.length)])]
  })
}

/** @param route -1: the backend itself */
function rankOf(backend: number, route: number, isHeat: boolean): number {
  const isFirst = backend < BACKENDS && route < ROUTES
  if (route < 0) return isHeat ? (isFirst ? 3 : 6) : isFirst ? 1 : 4
  return isHeat ? 7 : isFirst ? 2 : 5
}

/** What a part is no use without: heat its line, a route its backend. */
function ownersOf(lines: readonly PictureLine[], { line, isHeat }: Part): string[] {
  if (isHeat) return [keyOf({ line, isHeat: false })]
  if (lines[line]!.subject?.route == null) return []
  const owner = lines.findLastIndex(({ subject }, i) => i < line && subject?.route === null)
  return [keyOf({ line: owner, isHeat: false })]
}

function withOnly(packed: PackedPicture, { lines }: Picture, kept: ReadonlySet<string>): PackedPicture {
  const isLeft = (line: number): boolean => !kept.has(keyOf({ line, isHeat: false }))
  const leftOf = (isRoute: boolean): number =>
    lines.filter(({ subject }, i) => subject !== null && (subject.route !== null) === isRoute && isLeft(i))
      .length
  return {
    ...packed,
    lines: packed.lines.flatMap((line, i) =>
      isLeft(i) ? [] : [{ ...line, heat: kept.has(keyOf({ line: i, isHeat: true })) ? line.heat : null }],
    ),
    left: {
      backends: packed.left.backends + leftOf(false),
      routes: packed.left.routes + leftOf(true),
    },
  }
}
