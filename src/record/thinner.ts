/** Keeps the recorder below its ceiling: frames go through it, and lose rows of the request ring, nothing else. */
import type { Marker, SecondFrame } from '../frame/model/frame.ts'
import { addMicros } from '../frame/model/units.ts'
import { sampleOf } from '../frame/sum/sample.ts'
import { FEWER_LISTED, LISTED_AGAIN } from '../frame/time/thinned.ts'
import { afterTick, HEAVY_TICKS, meanCpu, UNLIMITED, type Bounds, type Load } from './ceiling.ts'

/** What this process has taken. */
export interface OwnUse {
  /** since its start, µs */
  readonly cpu: number
  /** bytes */
  readonly memory: number
}

export interface Thinned {
  readonly frame: SecondFrame
  /** once when it begins, once when it is over */
  readonly note: Marker | null
}

export class Thinner {
  /** rows of the ring that were not stored */
  thinned = 0
  #state = UNLIMITED
  #before: number
  readonly #bounds: Bounds
  readonly #most: number
  readonly #use: () => OwnUse

  /** @param most rows that ever come in a tick @param use of this process; the helper tells its own in each tick */
  constructor(bounds: Bounds, most: number, use: () => OwnUse = useOfProcess) {
    this.#bounds = bounds
    this.#most = most
    this.#use = use
    this.#before = use().cpu
  }

  next(frame: SecondFrame): Thinned {
    const { rows, loads } = this.#state
    const requests = rows === null ? frame.requests : sampleOf(frame.requests, rows)
    this.thinned += frame.requests.length - requests.length
    const load = this.#loadOf(frame)
    this.#state = afterTick(this.#state, load, this.#bounds, this.#most)
    const text = this.#noteOf(rows, [...loads, load])
    const note: Marker | null =
      text === null ? null : { at: addMicros(frame.start, frame.length), kind: 'note', text }
    return { frame: requests === frame.requests ? frame : { ...frame, requests }, note }
  }

  #loadOf({ cost, length, requests }: SecondFrame): Load {
    const { cpu, memory } = this.#use()
    const spent = cpu - this.#before + cost.cpu
    this.#before = cpu
    return { cpu: spent / length, memory: memory + cost.rssBytes, rows: requests.length }
  }

  #noteOf(before: number | null, loads: readonly Load[]): string | null {
    const { rows } = this.#state
    if (before === null && rows !== null) {
      const cpu = Math.round(meanCpu(loads.slice(-HEAVY_TICKS)) * 100)
      const memory = Math.round((loads.at(-1)?.memory ?? 0) / 1e6)
      return `${FEWER_LISTED}: the recorder takes ${cpu}% of a CPU and ${memory} MB, more than it may; counts are whole`
    }
    if (before !== null && rows === null)
      return `${LISTED_AGAIN}: ${this.thinned} were left out since the start; counts are whole`
    return null
  }
}

const useOfProcess = (): OwnUse => {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, memory: process.memoryUsage.rss() }
}
