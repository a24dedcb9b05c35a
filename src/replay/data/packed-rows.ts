/** The rows of a tick as plain numbers: a quarter of the memory, and no objects for the garbage collector to trace. */
import type { Backend, Route, TrafficRow } from '../../frame/model/frame.ts'
import { packCounts, unpackCounts } from './packed.generated.ts'
import { Packing, Unpacking } from './packing.ts'

export interface PackedRows {
  readonly backends: readonly Backend[]
  /** routes[i] and backends[i] are those of row i */
  readonly routes: readonly Route[]
  readonly numbers: Int32Array | Float64Array
}

export class RowPacker {
  readonly #packing = new Packing()

  pack(rows: readonly TrafficRow[]): PackedRows {
    this.#packing.clear()
    for (const row of rows) packCounts(this.#packing, row)
    const { numbers } = this.#packing
    return {
      backends: rows.map(({ backend }) => backend),
      routes: rows.map(({ route }) => route),
      numbers: areShort(numbers) ? new Int32Array(numbers) : numbers.slice(),
    }
  }
}

/** Unpacks all rows of a tick. A picture of an earlier moment needs dozens of ticks. */
export function unpackRows({ backends, routes, numbers }: PackedRows): TrafficRow[] {
  const unpacking = new Unpacking(numbers)
  return backends.map((backend, i) => ({ backend, route: routes[i]!, ...unpackCounts(unpacking) }))
}

/** Nearly all ticks fit into 32-bit integers, which take half the memory. */
function areShort(numbers: Float64Array): boolean {
  for (const number of numbers) if (number !== (number | 0)) return false
  return true
}
