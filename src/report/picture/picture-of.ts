/** A picture of sums of steps. Pure: where the sums come from, and at which step, is the caller's affair. */
import {
  classCount,
  failureCount,
  quietGrpcErrors,
  statistic,
  type Measurable,
} from '../../frame/expression/measure.ts'
import {
  addressKey,
  backendKey,
  routeKey,
  type Aggregate,
  type BackendSum,
  type RouteSum,
} from '../../frame/model/aggregate.ts'
import { grpcEnded, grpcErrors } from '../../frame/model/grpc.ts'
import type { Buckets } from '../../frame/model/histogram.ts'
import { toSeconds, type Micros, type WallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import type { Subject } from '../../frame/views/drilldown.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { visible } from '../../render/text.ts'
import type { StepSum } from '../data/steps.ts'
import type { StepGrid } from '../data/stretches.ts'
import { mapSeries } from './packed-picture.ts'
import { SERIES, type Picture, type PictureLine, type SeriesName } from './picture.ts'

/** Which lines there are, in their order, and which of them have header times: a backend by its addressKey, with its routes. */
export interface PictureChoice {
  readonly range: TimeSpan
  /** in the order of the board */
  readonly backends: readonly BackendSum[]
  /** backends of the range that are not among them */
  readonly leftBackends: number
  readonly routesOf: (backend: BackendSum) => readonly RouteSum[]
  readonly heat: 'all' | 'backends' | 'total' | { readonly backend: string }
  /** rows are of several network namespaces */
  readonly several: boolean
}

/** What a line has in a step. */
export interface LineValues {
  readonly counts: Readonly<Record<SeriesName, number>>
  /** header times, µs; null: nothing was sampled */
  readonly p50: number | null
  readonly p99: number | null
  /** asked for where the line has them */
  readonly buckets: () => Buckets
}

/** A step of the selected rows. Values are asked for only of lines that the picture has. */
export interface StepLines {
  readonly start: WallMicros
  readonly ticks: number
  readonly length: Micros
  readonly total: () => LineValues
  /** a backendKey, and a routeKey or null */
  readonly lines: Iterable<{
    readonly backend: string
    readonly route: string | null
    readonly values: () => LineValues
  }>
}

/** @param steps sums of the selected rows, at most one for each step of the grid; a second one is left out */
export function pictureOf(steps: Iterable<StepSum>, grid: StepGrid, choice: PictureChoice): Picture {
  const builder = new PictureBuilder(grid, choice)
  for (const { start, aggregate } of steps) builder.add(stepLines(start, aggregate))
  return builder.picture
}

const stepLines = (start: WallMicros, { ticks, length, totals, backends }: Aggregate): StepLines => ({
  start,
  ticks,
  length,
  total: () => valuesOf(totals),
  lines: backends.flatMap((sum) => [
    { backend: backendKey(sum.backend), route: null, values: () => valuesOf(sum) },
    ...sum.routes.map((route) => ({
      backend: backendKey(sum.backend),
      route: routeKey(route.route),
      values: () => valuesOf(route),
    })),
  ]),
})

function valuesOf(sum: Measurable): LineValues {
  const [fivexx, failures] = [classCount(sum, 5), failureCount(sum)]
  return {
    counts: {
      requests: sum.requests,
      answered: sum.answered,
      fivexx,
      failures,
      bad: fivexx + failures + quietGrpcErrors(sum),
      grpcEnded: grpcEnded(sum.grpc) ?? 0,
      grpcErrors: grpcErrors(sum.grpc) ?? 0,
    },
    p50: statistic(sum.header, 'p50'),
    p99: statistic(sum.header, 'p99'),
    buckets: () => sum.header.buckets,
  }
}

/** A picture, step by step. */
export class PictureBuilder {
  readonly #seconds: number[]
  readonly #total: LineBuilder
  readonly #backends: readonly BackendLines[]
  readonly #byKey: ReadonlyMap<string, BackendLines>

  constructor(
    readonly grid: StepGrid,
    readonly choice: PictureChoice,
  ) {
    this.#seconds = new Array<number>(grid.count).fill(0)
    this.#total = new LineBuilder(null, 'all', grid.count, true)
    this.#backends = choice.backends.map((sum) => new BackendLines(sum, choice, grid.count))
    this.#byKey = new Map(this.#backends.map((lines) => [lines.key, lines]))
  }

  add({ start, ticks, length, total, lines }: StepLines): void {
    const index = this.grid.indexOf(start)
    // What begins after the last whole step is one tick of some µs.
    if (ticks === 0 || this.#seconds[index] !== 0) return
    this.#seconds[index] = Math.max(0.001, Number(toSeconds(length).toFixed(3)))
    this.#total.set(index, total())
    for (const { backend, route, values } of lines)
      this.#byKey.get(backend)?.lineOf(route)?.set(index, values())
  }

  get picture(): Picture {
    const { grid, choice } = this
    return {
      from: choice.range.from / 1e6,
      to: choice.range.to / 1e6,
      starts: grid.starts.map(({ index, start }) => [index, start / 1e6]),
      step: grid.step / 1e6,
      count: grid.count,
      seconds: this.#seconds,
      lines: [this.#total.line, ...this.#backends.flatMap(({ lines }) => lines)],
      left: {
        backends: choice.leftBackends,
        routes: this.#backends.reduce((sum, { leftRoutes }) => sum + leftRoutes, 0),
      },
    }
  }
}

/** A backend's line, and those of its routes. */
class BackendLines {
  readonly key: string
  readonly leftRoutes: number
  readonly #own: LineBuilder
  readonly #routes: ReadonlyMap<string, LineBuilder>

  constructor(sum: BackendSum, { routesOf, heat, several }: PictureChoice, count: number) {
    const backend = addressKey(sum.backend)
    const hasAll = heat === 'all' || (typeof heat === 'object' && heat.backend === backend)
    const routes = routesOf(sum)
    this.key = backendKey(sum.backend)
    this.leftRoutes = sum.routes.length - routes.length
    this.#own = new LineBuilder(
      { backend, route: null },
      labelOf(sum.backend, several),
      count,
      heat === 'backends' || hasAll,
    )
    this.#routes = new Map(
      routes.map(({ route }) => [
        routeKey(route),
        new LineBuilder({ backend, route: routeKey(route) }, routeKey(route), count, hasAll),
      ]),
    )
  }

  lineOf(route: string | null): LineBuilder | undefined {
    return route === null ? this.#own : this.#routes.get(route)
  }

  get lines(): readonly PictureLine[] {
    return [this.#own.line, ...[...this.#routes.values()].map(({ line }) => line)]
  }
}

class LineBuilder {
  readonly line: PictureLine
  readonly #series: Readonly<Record<SeriesName, number[]>>
  readonly #p50: (number | null)[]
  readonly #p99: (number | null)[]
  readonly #heat: (readonly number[])[] | null

  constructor(subject: Subject | null, label: string, count: number, hasHeat: boolean) {
    this.#series = mapSeries(() => new Array<number>(count).fill(0))
    this.#p50 = new Array<number | null>(count).fill(null)
    this.#p99 = new Array<number | null>(count).fill(null)
    this.#heat = hasHeat ? Array.from({ length: count }, () => []) : null
    this.line = {
      subject,
      label: visible(label),
      series: this.#series,
      p50: this.#p50,
      p99: this.#p99,
      heat: this.#heat,
    }
  }

  set(index: number, { counts, p50, p99, buckets }: LineValues): void {
    for (const name of SERIES) this.#series[name][index] = counts[name]
    this.#p50[index] = p50
    this.#p99[index] = p99
    if (this.#heat !== null) this.#heat[index] = buckets()
  }
}
