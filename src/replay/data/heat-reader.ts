/** Reads the columns of a heatmap around a moment. Each is read once, and what takes long is left to the next pictures. */
import type { RequestEvent } from '../../frame/model/frame.ts'
import { addressKey, routeKey } from '../../frame/model/aggregate.ts'
import type { Recording, SeqRange } from '../../frame/model/recording.ts'
import { micros, type Micros } from '../../frame/model/units.ts'
import type { Subject } from '../../frame/views/drilldown.ts'
import {
  addHeat,
  heatOfFrame,
  heatOfSum,
  NO_HEAT,
  type HeatColumn,
  type HeatMap,
  type HeatSum,
} from '../../frame/views/heat-sum.ts'
import { newestFirst } from '../../frame/views/moment.ts'
import type { Stop } from '../time/stops.ts'
import { columnsAround, type Columns, type ColumnSpan } from './heat-columns.ts'

/** What a map is of. */
export interface HeatQuery {
  /** null: all traffic */
  readonly subject: Subject | null
  /** of a column */
  readonly seconds: number
  /** most columns */
  readonly room: number
}

/** [from, beyond) */
type TimesWithin = readonly [from: Micros, beyond: Micros]

/** Ticks from which on the recording's own sum is cheaper than theirs: it has sums of whole minutes. */
const SUMMED_FROM = 8
/** More than anybody reads in one list. */
const REQUESTS_KEPT = 1000

interface Known {
  /** the tick after the last one in the sum */
  readonly beyond: number
  /** null: none of its rows can be read */
  readonly sum: HeatSum | null
}

export class HeatReader {
  /** columns are left for the next picture */
  isReading = false
  readonly #recording: Recording
  /** of the last map, by the column's first tick */
  #known: ReadonlyMap<number, Known> = new Map()
  #last: { readonly key: string; readonly columns: Columns; readonly room: number } | null = null

  constructor(recording: Recording) {
    this.#recording = recording
  }

  /** @param isDue asked after each column that was read: the rest is left for the next call */
  read(stop: Stop, query: HeatQuery, isDue: () => boolean): HeatMap {
    const { subject, seconds } = query
    const { spans, cursor } = this.#place(stop, query)
    const known = new Map<number, Known>()
    this.isReading = false
    // What is near the moment is read first.
    for (const { first, beyond } of [...spans.slice(0, cursor + 1).reverse(), ...spans.slice(cursor + 1)]) {
      const before = this.#known.get(first)
      if (first === beyond || before?.beyond === beyond) {
        if (before !== undefined) known.set(first, before)
      } else if (this.isReading) {
        if (before !== undefined) known.set(first, before)
      } else {
        known.set(first, { beyond, sum: this.#sum({ from: first, to: beyond }, before, subject) })
        this.isReading = isDue()
      }
    }
    this.#known = known
    return {
      step: micros(seconds * 1e6),
      columns: spans.map((span) => columnOf(span, known.get(span.first))),
      cursor,
    }
  }

  /**
   * The kept requests of the column that holds the stop, newest first.
   * @param times header times; null: all, and those without one
   */
  requests(stop: Stop, query: HeatQuery, times: TimesWithin | null): readonly RequestEvent[] {
    const { subject } = query
    const { spans, cursor } = this.#place(stop, query)
    const { first, beyond } = spans[cursor]!
    if (first === beyond) return []
    const isWanted = ({ backend, route, header }: RequestEvent): boolean =>
      (subject === null || addressKey(backend) === subject.backend) &&
      (subject?.route == null || routeKey(route) === subject.route) &&
      (times === null || (header !== null && header >= times[0] && header < times[1]))
    return [...this.#recording.requests({ from: first, to: beyond })]
      .filter(isWanted)
      .sort(newestFirst)
      .slice(0, REQUESTS_KEPT)
  }

  /** The map stands still while the moment moves within it; beyond its ends it comes to three quarters of its width. */
  #place(stop: Stop, { subject, seconds, room }: HeatQuery): Columns {
    const key = `${subject?.backend ?? ''} ${subject?.route ?? ''} ${seconds}`
    if (this.#last?.key !== key) this.#known = new Map()
    const last = this.#last?.key === key && this.#last.room === room ? this.#last.columns.spans : []
    const place = last.findIndex(({ first, beyond }) => stop.seq >= first && stop.seq < beyond)
    const after = place < 0 ? Math.floor(room / 4) : room - 1 - place
    const columns = columnsAround(this.#recording.ticks, stop, { seconds, room, after })
    this.#last = { key, columns, room }
    return columns
  }

  #sum(range: SeqRange, before: Known | undefined, subject: Subject | null): HeatSum | null {
    if (before === undefined && range.to - range.from >= SUMMED_FROM) {
      const aggregate = this.#recording.aggregate(range)
      return aggregate.ticks === 0 ? null : heatOfSum(aggregate, subject)
    }
    let sum = before?.sum ?? null
    for (let seq = before?.beyond ?? range.from; seq < range.to; seq++) {
      const frame = this.#recording.frame(seq)
      if (frame === null) continue
      const heat = heatOfFrame(frame, subject)
      sum = sum === null ? heat : addHeat(sum, heat)
    }
    return sum
  }
}

function columnOf({ from, first, beyond }: ColumnSpan, known: Known | undefined): HeatColumn {
  if (first === beyond) return { state: 'gap', from, sum: NO_HEAT }
  if (known === undefined) return { state: 'unread', from, sum: NO_HEAT }
  return known.sum === null ? { state: 'gap', from, sum: NO_HEAT } : { state: 'seen', from, sum: known.sum }
}
