/** How old ticks are, whatever the clock was set to since. */
import type { GapReason } from '../../frame/model/frame.ts'
import { micros, type Micros, type WallMicros } from '../../frame/model/units.ts'
import { STEP_TOLERANCE, stepOf } from '../../frame/time/elapsed.ts'
import { integer, type Database, type SqlValue } from '../sqlite/database.ts'

/** The tick that is being written. */
export interface NewTick {
  readonly seq: number
  readonly start: WallMicros
  readonly gapBefore: GapReason | null
}

/** The clock before tick `seq` was set by so many µs. */
interface Step {
  readonly seq: number
  readonly by: number
}

export class Ages {
  readonly #endOf: (seq: number) => readonly SqlValue[] | undefined
  #steps: readonly Step[]

  constructor(database: Database) {
    const end = database.prepare<[number], SqlValue[]>('SELECT start + length FROM tick WHERE seq = ?').raw()
    this.#endOf = (seq) => end.get(seq)
    const steps = database.prepare<[], SqlValue[]>(STEPS).raw().all()
    this.#steps = steps.map(([seq, by]) => ({ seq: integer(seq), by: integer(by) }))
  }

  /** Call once the tick is in the table. After a rollback the same number comes again. @param oldest the first tick */
  add({ seq, start, gapBefore }: NewTick, oldest: number): void {
    const known = this.#steps.filter((step) => step.seq > oldest && step.seq < seq)
    const [end] = this.#endOf(seq - 1) ?? []
    const by = end === undefined ? 0 : stepOf(start - integer(end), gapBefore)
    this.#steps = by === 0 ? known : [...known, { seq, by }]
  }

  /** The time since the end of the tick. */
  of(seq: number, end: WallMicros, now: WallMicros): Micros {
    return micros(this.#steps.reduce((age, step) => (step.seq > seq ? age - step.by : age), now - end))
  }
}

/** `stepOf`, in SQL */
const STEPS = `
  SELECT seq, by FROM (SELECT seq, gap_before, start - lag(start + length) OVER (ORDER BY seq) AS by FROM tick)
  WHERE CASE WHEN gap_before IS NULL THEN abs(by) > ${STEP_TOLERANCE} ELSE by < 0 END ORDER BY seq`
