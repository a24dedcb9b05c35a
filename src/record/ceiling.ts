/**
 * How many rows of the request ring may be stored while the recorder takes more than it may: half as many every ten ticks, down to none, and
 * twice as many again when there is room. Counts are not its subject. Pure.
 */

/** What the recorder and its helper may take together. */
export interface Bounds {
  /** 1 is one CPU; null: no bound */
  readonly cpu: number | null
  /** bytes */
  readonly memory: number | null
}

/** What they took in a tick. */
export interface Load {
  readonly cpu: number
  readonly memory: number
  /** rows of the ring that came */
  readonly rows: number
}

export interface CeilingState {
  /** most rows a tick; null: all that come */
  readonly rows: number | null
  /** since the last change of `rows`, the newest last */
  readonly loads: readonly Load[]
}

export const UNLIMITED: CeilingState = { rows: null, loads: [] }

/** Ticks after a change until the load is believed: a start, a reload or a neighbour's second is no reason. */
export const HEAVY_TICKS = 10
/** The same before more rows are allowed. Longer, so that a load at the bound does not go up and down. */
export const CALM_TICKS = 30
/** Part of the bounds below which there is room: twice as many rows must find room, too. */
const CALM = 0.8
/** Below so many rows there are none. */
const FEWEST = 16

/** @param most rows that ever come in a tick (`--requests`) */
export function afterTick(state: CeilingState, load: Load, bounds: Bounds, most: number): CeilingState {
  const loads = [...state.loads, load].slice(-CALM_TICKS)
  const { rows } = state
  if (loads.length >= HEAVY_TICKS && excess(loads.slice(-HEAVY_TICKS), bounds) > 1) {
    const fewer = lessThan(rows ?? Math.max(...loads.map((one) => one.rows)))
    return fewer === null || fewer === rows ? { rows, loads } : { rows: fewer, loads: [] }
  }
  if (rows !== null && loads.length === CALM_TICKS && excess(loads, bounds) < CALM) {
    const more = Math.max(FEWEST, rows * 2)
    return { rows: more >= most ? null : more, loads: [] }
  }
  return { rows, loads }
}

/** null: nothing comes that could be left out */
const lessThan = (rows: number): number | null =>
  rows === 0 ? null : rows / 2 < FEWEST ? 0 : Math.floor(rows / 2)

/** The larger of the two loads as a part of its bound; CPU is a mean, memory the newest. */
function excess(loads: readonly Load[], { cpu, memory }: Bounds): number {
  return Math.max(
    cpu === null ? 0 : meanCpu(loads) / cpu,
    memory === null ? 0 : loads.at(-1)!.memory / memory,
  )
}

export const meanCpu = (loads: readonly Load[]): number =>
  loads.reduce((sum, load) => sum + load.cpu, 0) / Math.max(1, loads.length)
