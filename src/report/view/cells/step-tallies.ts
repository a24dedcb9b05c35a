/** Sums the cells of each step, and gives each step to a picture: routes that are drawn, their backends, and all. */
import { backendKey, routeKey } from '../../../frame/model/aggregate.ts'
import { micros, wallMicros, type Micros } from '../../../frame/model/units.ts'
import type { PictureBuilder, StepLines } from '../../picture/picture-of.ts'
import type { CellNames } from './names.ts'
import type { StepSink } from './step-cells.ts'
import { Tally } from './tally.ts'
import type { Wanted } from './wanted.ts'

export class StepTallies implements StepSink {
  readonly wantsTimes = true
  readonly #total = new Tally()
  /** by number; a route that has no line adds to its backend at once */
  readonly #backends = new Map<number, Tally>()
  readonly #routes = new Map<number, Tally>()
  #current: Tally = this.#total
  #step: number | null = null
  #length = 0
  #ticks = 0
  #knows = true

  constructor(
    readonly names: CellNames,
    readonly wanted: Wanted,
    readonly builder: PictureBuilder,
    readonly length: Micros,
    /** numbers of the routes that are lines */
    readonly lines: ReadonlySet<number>,
  ) {}

  step(number: number): void {
    if (number === this.#step) return
    this.finish()
    this.#step = number
  }

  begin(length: number, ticks: number, knows: boolean): void {
    this.#length += length
    this.#ticks += ticks
    this.#knows &&= knows
  }

  route(number: number): boolean {
    if (!this.wanted.route(number)) return false
    this.#current = this.lines.has(number)
      ? tallyOf(this.#routes, number)
      : tallyOf(this.#backends, this.names.routes[number]!.backend)
    return true
  }

  backend(number: number): boolean {
    if (!this.wanted.backend(number)) return false
    this.#current = tallyOf(this.#backends, number)
    return true
  }

  counts(requests: number, answered: number, fivexx: number, failures: number): void {
    this.#current.counts(requests, answered, fivexx, failures)
  }
  grpc(ended: number | null, errors: number, none: number): void {
    this.#current.grpc(ended, errors, none)
  }
  times(min: number, max: number): void {
    this.#current.times(min, max)
  }
  bucket(bucket: number, count: number): void {
    this.#current.bucket(bucket, count)
  }
  connects(failed: number, unreachable: number | null, earlyClose: number | null): void {
    this.#current.connects(failed, unreachable, earlyClose)
  }

  /** The step that was begun is whole. */
  finish(): void {
    if (this.#step === null) return
    for (const [number, tally] of used(this.#routes))
      tallyOf(this.#backends, this.names.routes[number]!.backend).add(tally)
    for (const [, tally] of used(this.#backends)) this.#total.add(tally)
    this.builder.add(this.#stepLines(this.#step))
    for (const [, tally] of [...used(this.#routes), ...used(this.#backends)]) tally.clear()
    this.#total.clear()
    this.#step = null
    this.#length = this.#ticks = 0
    this.#knows = true
  }

  #stepLines(step: number): StepLines {
    const knows = this.#knows
    return {
      start: wallMicros(step * this.length),
      ticks: this.#ticks,
      length: micros(this.#length),
      total: () => this.#total.values(knows),
      lines: [
        ...used(this.#backends).map(([number, tally]) => ({
          backend: backendKey(this.names.backends[number]!),
          route: null,
          values: () => tally.values(knows),
        })),
        ...used(this.#routes).map(([number, tally]) => ({
          backend: backendKey(this.names.backends[this.names.routes[number]!.backend]!),
          route: routeKey(this.names.routes[number]!.route),
          values: () => tally.values(knows),
        })),
      ],
    }
  }
}

function tallyOf(tallies: Map<number, Tally>, number: number): Tally {
  let tally = tallies.get(number)
  if (tally === undefined) tallies.set(number, (tally = new Tally()))
  tally.isUsed = true
  return tally
}

const used = (tallies: ReadonlyMap<number, Tally>): (readonly [number, Tally])[] =>
  [...tallies].filter(([, tally]) => tally.isUsed)
