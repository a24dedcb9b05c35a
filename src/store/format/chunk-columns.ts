/** The content of a request chunk in any layout: pairs of ids; per request the index of its pair and four values. */
export interface ChunkColumns {
  readonly pairs: readonly (readonly [backend: number, route: number])[]
  readonly pair: readonly number[]
  /** 0–3: a failure, by its index in FAILURE_KINDS; else the status code − 96, where one below 100 stands for itself + 1000 */
  readonly outcome: readonly number[]
  /** µs since the start of the request before it */
  readonly at: readonly number[]
  /** header time in µs + 1; 0: none */
  readonly header: readonly number[]
  /** total time − header time in µs, + 1 where that is not negative; 0: none */
  readonly total: readonly number[]
}
