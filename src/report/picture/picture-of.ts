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
  type BackendSum,
  type RouteSum,
} from '../../frame/model/aggregate.ts'
import { grpcEnded, grpcErrors } from '../../frame/model/grpc.ts'
import { toSeconds } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import type { Subject } from '../../frame/views/drilldown.ts'
import { labelOf } from '../../frame/views/labels.ts'
import { visible } from '../../render/text.ts'
import type { StepSum } from '../data/steps.ts'
import type { StepGrid } from '../data/stretches.ts'
import { mapSeries } from './packed-picture.ts'
import type { Picture, PictureLine, SeriesName } from './picture.ts'

/** Which lines there are, in their order, and which of them have header times. */
export interface PictureChoice {
  readonly range: TimeSpan
  /** in the order of the board */
  readonly backends: readonly BackendSum[]
  /** backends of the range that are not among them */
  readonly leftBackends: number
  readonly routesOf: (backend: BackendSum) => readonly RouteSum[]
  readonly heat: 'all' | 'backends' | 'total'
  /** rows are of several network namespaces */
  readonly several: boolean
}

/** @param steps sums of the selected rows, at most one for each step of the grid; a second one is left out */
export function pictureOf(steps: Iterable<StepSum>, grid: StepGrid, choice: PictureChoice): Picture {
  const { count } = grid
  const seconds = new Array<number>(count).fill(0)
  const total = new LineBuilder(null, 'all', count, true)
  const backends = choice.backends.map((sum) => new BackendLines(sum, choice, count))
  const byKey = new Map(backends.map((lines) => [lines.key, lines]))
  for (const { start, aggregate } of steps) {
    const index = grid.indexOf(start)
    // What begins after the last whole step is one tick of some µs.
    if (aggregate.ticks === 0 || seconds[index] !== 0) continue
    seconds[index] = Math.max(0.001, Number(toSeconds(aggregate.length).toFixed(3)))
    total.set(index, aggregate.totals)
    for (const sum of aggregate.backends) byKey.get(backendKey(sum.backend))?.set(index, sum)
  }
  return {
    from: choice.range.from / 1e6,
    to: choice.range.to / 1e6,
    starts: grid.starts.map(({ index, start }) => [index, start / 1e6]),
    step: grid.step / 1e6,
    count,
    seconds,
    lines: [total.line, ...backends.flatMap(({ lines }) => lines)],
    left: {
      backends: choice.leftBackends,
      routes: backends.reduce((sum, { leftRoutes }) => sum + leftRoutes, 0),
    },
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
    const routes = routesOf(sum)
    this.key = backendKey(sum.backend)
    this.leftRoutes = sum.routes.length - routes.length
    this.#own = new LineBuilder(
      { backend, route: null },
      labelOf(sum.backend, several),
      count,
      heat !== 'total',
    )
    this.#routes = new Map(
      routes.map(({ route }) => [
        routeKey(route),
        new LineBuilder({ backend, route: routeKey(route) }, routeKey(route), count, heat === 'all'),
      ]),
    )
  }

  set(index: number, sum: BackendSum): void {
    this.#own.set(index, sum)
    for (const route of sum.routes) this.#routes.get(routeKey(route.route))?.set(index, route)
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

  set(index: number, sum: Measurable): void {
    const [fivexx, failures] = [classCount(sum, 5), failureCount(sum)]
    const counts: Readonly<Record<SeriesName, number>> = {
      requests: sum.requests,
      answered: sum.answered,
      fivexx,
      failures,
      bad: fivexx + failures + quietGrpcErrors(sum),
      grpcEnded: grpcEnded(sum.grpc) ?? 0,
      grpcErrors: grpcErrors(sum.grpc) ?? 0,
    }
    for (const name of Object.keys(counts) as SeriesName[]) this.#series[name][index] = counts[name]
    this.#p50[index] = statistic(sum.header, 'p50')
    this.#p99[index] = statistic(sum.header, 'p99')
    if (this.#heat !== null) this.#heat[index] = sum.header.buckets
  }
}
