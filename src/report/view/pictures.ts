/** Pictures of a range at the step that fits, from cells. While fine ones are being read, coarser ones answer: nothing is interpolated. */
import type { Selection } from '../../frame/expression/selection.ts'
import { addressKey, routeKey, type BackendSum, type RouteSum } from '../../frame/model/aggregate.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { MINUTE, type Micros } from '../../frame/model/units.ts'
import { ticksWithin, type TimeSpan } from '../../frame/time/time.ts'
import { BY_REQUESTS, ordered, type Order } from '../data/order.ts'
import { backendName, backendsOf, orderedRoutes, summaryOf } from '../data/summary.ts'
import { PictureBuilder } from '../picture/picture-of.ts'
import type { Picture } from '../picture/picture.ts'
import type { CellStore } from './cells/cell-store.ts'
import { Ranking } from './cells/rank.ts'
import { chunksByTick, partsOf, ticksMissing, type MinutePart } from './cells/reading-plan.ts'
import { Slices } from './cells/slices.ts'
import { visitCells } from './cells/step-cells.ts'
import { StepTallies } from './cells/step-tallies.ts'
import { Wanted } from './cells/wanted.ts'
import { Filling } from './filling.ts'
import { gridOf, isOfTicks, stepFor, widened } from './step-choice.ts'
import type { Sums } from './sums.ts'

export interface PictureRequest {
  readonly range: TimeSpan
  /** most steps */
  readonly steps: number
  /** its routes are lines, too: an addressKey */
  readonly backend: string | null
  /** is a line in any case: a routeKey */
  readonly route: string | null
  readonly selection: Selection
  readonly order: Order
}

export interface PictureAnswer {
  readonly picture: Picture
  /** a finer one is being read */
  readonly refining: boolean
}

/** Lines of a picture; the page shows a dozen at first. */
const MOST_LINES = 40
/** Ticks that are read before the answer. */
const AT_ONCE = 180
/** Of longer ranges minutes are fine enough: six hours. */
const MOST_TICKS = 21_600

export class Pictures {
  readonly #filling: Filling
  #mostTicks = MOST_TICKS

  constructor(
    readonly store: CellStore,
    readonly sums: Sums,
  ) {
    this.#filling = new Filling(store, (ticks) => (this.#mostTicks = Math.floor(ticks / 2)))
  }

  /** @param span of the recording: no picture goes beyond it @throws the reason of `stop` */
  of(request: PictureRequest, span: TimeSpan, stop: AbortSignal): Promise<PictureAnswer> {
    return this.#filling.pausing(() => this.#of(request, span, new Slices(stop)))
  }

  close(): void {
    this.#filling.close()
  }

  async #of(request: PictureRequest, span: TimeSpan, slices: Slices): Promise<PictureAnswer> {
    const { recording, chunks, hasTicks } = this.store
    const at = (byTick: boolean): { range: TimeSpan; step: Micros; parts: MinutePart[] } => {
      const step = stepFor(recording, request.range, request.steps, byTick)
      const range = widened(request.range, span, step)
      return { range, step, parts: partsOf(chunks, range, step) }
    }
    const best = at(countTicks(recording, request.range) <= this.#mostTicks)
    const refining = isOfTicks(best.step) && ticksMissing(best.parts, hasTicks) > AT_ONCE
    if (refining) this.#filling.want(chunksByTick(best.parts))
    const { range, step, parts } = refining ? at(false) : best
    const picture = await this.#draw({ ...request, range }, step, parts, slices)
    return { picture, refining }
  }

  async #draw(
    request: PictureRequest,
    step: Micros,
    parts: readonly MinutePart[],
    slices: Slices,
  ): Promise<Picture> {
    const { range, backend, selection } = request
    const { recording, names } = this.store
    const wanted = new Wanted(names, selection.rows)
    const all = await this.#backends(request, parts, wanted, slices)
    const backends = withNamed(all, (sum) => addressKey(sum.backend) === backend)
    const builder = new PictureBuilder(gridOf(recording, range, step), {
      range,
      backends,
      leftBackends: all.length - backends.length,
      routesOf: (sum) => (addressKey(sum.backend) === backend ? routesOf(sum, request) : []),
      heat: backend === null ? 'total' : { backend },
      several: new Set(all.map((sum) => sum.backend.netns)).size > 1,
    })
    const lines = new Set(
      backends
        .filter((sum) => addressKey(sum.backend) === backend)
        .flatMap((sum) => routesOf(sum, request).map(({ route }) => names.route(sum.backend, route))),
    )
    const tallies = new StepTallies(names, wanted, builder, step, lines)
    await visitCells(this.store, parts, step, tallies, slices)
    tallies.finish()
    return builder.picture
  }

  /** In order. Measures, as selection or as order, need more than cells have: then it is the report's sum. */
  async #backends(
    { range, selection, order }: PictureRequest,
    parts: readonly MinutePart[],
    wanted: Wanted,
    slices: Slices,
  ): Promise<readonly BackendSum[]> {
    if (selection.lines !== null || !isOfCells(order)) {
      const whole = await this.sums.of(range, slices)
      const query = { range, selection, order, top: null }
      return backendsOf(summaryOf([this.store.recording], query, whole))
    }
    const ranking = new Ranking(this.store.names, wanted)
    await visitCells(this.store, this.#cheapest(range, parts), MINUTE, ranking, slices)
    return ordered(ranking.backends, order, backendName)
  }

  /** Minutes instead of ticks where they are here. */
  #cheapest(range: TimeSpan, parts: readonly MinutePart[]): readonly MinutePart[] {
    const { chunks, hasMinute, hasTicks } = this.store
    const minutes = partsOf(chunks, range, MINUTE)
    const areHere = minutes.every((part) =>
      part.chunks.every(({ chunk, only }) => (only === null ? hasMinute(chunk) : hasTicks(chunk))),
    )
    return areHere ? minutes : parts
  }
}

const countTicks = ({ ticks }: Recording, range: TimeSpan): number =>
  ticksWithin(ticks, range).reduce((sum, { from, to }) => sum + to - from, 0)

const isOfCells = (order: Order): boolean =>
  order.by === 'name' || order === BY_REQUESTS || order.measure.kind === 'rps' || isRequests(order)

const isRequests = (order: Order): boolean =>
  order.by === 'measure' && order.measure.kind === 'count' && order.measure.name === 'requests'

/** The first ones, and the one that was asked for. */
const withNamed = <T>(all: readonly T[], isNamed: (one: T) => boolean): readonly T[] =>
  all.filter((one, i) => i < MOST_LINES || isNamed(one))

const routesOf = (sum: BackendSum, { order, route }: PictureRequest): readonly RouteSum[] =>
  withNamed(orderedRoutes(sum.routes, order), (one) => routeKey(one.route) === route)
