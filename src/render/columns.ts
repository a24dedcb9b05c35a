/**
 * Chooses the columns of the leaderboard and their widths. The choice depends only on the screen's width (and FAIL on failures, STATUS on
 * gRPC), in a fixed order, so that columns do not appear and vanish while names change.
 */
import { SERIES_SECONDS } from '../frame/views/moment.ts'
import { COLUMNS, type Column, type ColumnId } from './column-kinds.ts'

/**
 * In the order of display.
 * @param names width of the longest name. Room that it does not need goes to the sparkline and the bar
 */
export function columnsFor(width: number, hasFailures: boolean, names = Infinity, hasGrpc = false): Column[] {
  const chosen = new Map<string, number>()
  let room = width - MARGIN - nameWidth(width) - MANDATORY.reduce((sum, id) => sum + cost(id), 0)
  for (const id of MANDATORY) chosen.set(id, COLUMNS[id].width)
  if (hasGrpc) room = stretch(chosen, 'status', room, GRPC_STATUS, room)
  for (const id of OPTIONAL) {
    if (id === 'failures' && !hasFailures) continue
    if (cost(id) > room) break
    room -= cost(id)
    chosen.set(id, COLUMNS[id].width)
  }
  const name = Math.min(nameWidth(width), inEights(names))
  room += nameWidth(width) - name
  chosen.set('name', name)
  room = stretch(chosen, 'series', Math.floor(room / 3), SERIES_SECONDS, room)
  room = stretch(chosen, 'bar', Math.floor(room / 4), 16, room)
  room = stretch(chosen, 'name', Math.floor(room / 2), Math.min(64, inEights(names)), room)
  stretch(chosen, 'status', room, 60, room)
  return Object.entries(COLUMNS).flatMap(([id, column]) => {
    const width = chosen.get(id)
    return width === undefined ? [] : [{ ...column, width }]
  })
}

/** One cell for the mark of a row, and one between the mark and the name. */
export const MARGIN = 2

const cost = (id: ColumnId): number => COLUMNS[id].width + COLUMNS[id].gap
const nameWidth = (width: number): number => Math.min(40, Math.max(16, Math.floor(width / 4) + 1))

/** Rounds up to steps of eight, so that a new route seldom moves the columns. */
export const inEights = (cells: number): number => Math.max(16, Math.ceil(cells / 8) * 8)

/** Widens a column by `extra` cells, up to a width of `most`. @returns the room that is left */
function stretch(
  chosen: Map<string, number>,
  id: ColumnId,
  extra: number,
  most: number,
  room: number,
): number {
  const width = chosen.get(id)
  if (width === undefined) return room
  const added = Math.max(0, Math.min(extra, most - width))
  chosen.set(id, width + added)
  return room - added
}

/** `OK 98% UNAVAILABLE <1%` fits: names are what the column is for. */
const GRPC_STATUS = 22

const MANDATORY = ['rps', 'status'] as const satisfies readonly ColumnId[]

/** Columns in the order in which a wider screen gets them; the first that does not fit ends the list. */
const OPTIONAL = [
  'avg',
  'failures',
  'series',
  'share',
  'bar',
  'p99',
  'inFlight',
  'p50',
  'max',
  'p90',
  'totalP99',
  'connects',
  'retransmits',
  'retries',
  'receivedBytes',
  'sentBytes',
  'openConnections',
] as const satisfies readonly ColumnId[]
