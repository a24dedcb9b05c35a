/** What a chunk says, whatever its layout: pairs of ids, and per request the number of its pair and five values. */
export interface ChunkColumns {
  readonly pairs: readonly (readonly [backend: number, route: number])[]
  readonly pair: readonly number[]
  /** 0–3 a failure, else code − 96 */
  readonly outcome: readonly number[]
  /** from the request before */
  readonly at: readonly number[]
  /** + 1; 0: none */
  readonly header: readonly number[]
  /** distance to the header time, + 1 unless it is negative; 0: none */
  readonly total: readonly number[]
}
