/** Generates synthetic traffic, tick by tick. It consists of single requests, so that every invariant of the frame model holds. */
import { NO_EXCLUDED, NO_LOSS } from '../frame/model/counters.generated.ts'
import type { SecondFrame } from '../frame/model/frame.ts'
import {
  addMicros,
  micros,
  monotonicNanos,
  SECOND,
  wallMicros,
  type WallMicros,
} from '../frame/model/units.ts'
import { planRequest, type PlannedRequest } from './synth-request.ts'
import type { IncidentKind, Pair, PlannedIncident, SynthPlan } from './synth-plan.ts'
import { Random } from './synth-random.ts'
import { TickBuilder } from './synth-tick.ts'

const BOOT = 5_000_000_000_000_000n

export function* synthFrames(plan: SynthPlan): Generator<SecondFrame> {
  const random = new Random(plan.seed)
  const traffic = new Traffic(plan, random)
  let seq = 0
  let start = plan.start
  let wasGap = false
  for (let second = 0; second < plan.secs; second++) {
    const end = wallMicros(plan.start + (second + 1) * SECOND + random.below(300))
    const isGap = traffic.isDuring('gap', start)
    const isLast = second === plan.secs - 1 || traffic.isDuring('gap', end)
    if (!isGap) {
      const tick = traffic.tick(start, end, isLast)
      const length = micros(end - start)
      yield {
        seq: seq++,
        start,
        mono: monotonicNanos(BOOT + BigInt(start - plan.start) * 1000n),
        length,
        ...tick,
        wires: [],
        loss: NO_LOSS,
        excluded: { ...NO_EXCLUDED, frontDoor: tick.control.requests },
        cost: {
          cpu: micros(3000 + random.below(2000)),
          rssBytes: 61_000_000,
          commit: micros(900 + random.below(300)),
        },
        gapBefore: wasGap && seq > 1 ? 'stopped' : null,
        final: isLast,
      }
    }
    wasGap = isGap
    start = end
  }
}

/** Keeps the open requests from tick to tick. */
class Traffic {
  #inFlight: PlannedRequest[] = []

  constructor(
    readonly plan: SynthPlan,
    readonly random: Random,
  ) {}

  /** @param isLast the recorder ends with this tick: all open requests end in it */
  tick(start: WallMicros, end: WallMicros, isLast: boolean): ReturnType<TickBuilder['frame']> {
    const builder = new TickBuilder(this.plan, this.random)
    for (const request of this.#inFlight) builder.addOpen(request)
    const arrivals = this.random.poisson(this.#rate(start) * ((end - start) / SECOND))
    const candidates = this.#candidates(start)
    for (let i = 0; i < arrivals && candidates.total > 0; i++) this.#arrive(builder, candidates, start, end)
    const until = isLast ? wallMicros(Infinity) : end
    this.#inFlight = this.#inFlight.filter((request) => builder.advance(request, until))
    return builder.frame(end)
  }

  isDuring(kind: IncidentKind, at: WallMicros): boolean {
    return this.plan.planned.some((incident) => incident.kind === kind && during(incident, at))
  }

  #arrive(builder: TickBuilder, candidates: Candidates, start: WallMicros, end: WallMicros): void {
    let pair = candidates.pick(this.random)
    let retries = 0
    if (this.#hits('refused', pair, start)) {
      builder.refuse(pair.backend)
      const others = candidates.pairs.filter(({ backend }) => backend !== pair.backend)
      if (others.length === 0) return
      pair = others[this.random.below(others.length)]!
      retries = this.#hits('refused', pair, start) ? 0 : 1
      if (retries === 0) {
        builder.refuse(pair.backend)
        return
      }
    }
    const at = addMicros(start, this.random.below(end - start))
    const incidents = { slow: this.#hits('slow', pair, start), fivexx: this.#hits('5xx', pair, start) }
    const request = planRequest(pair, at, incidents, this.random)
    this.#inFlight.push(request)
    builder.begin(request, retries)
  }

  /** A daily cycle with its maximum at 15:00, changed by `surge` and `stop`. */
  #rate(at: WallMicros): number {
    const hour = (at / 3.6e9) % 24
    const daily = 1 + 0.35 * Math.cos(((hour - 15) / 12) * Math.PI)
    if (this.isDuring('stop', at)) return 0
    return this.plan.rps * daily * (this.isDuring('surge', at) ? 3 : 1)
  }

  #candidates(at: WallMicros): Candidates {
    return new Candidates(this.plan.pairs.filter((pair) => this.#isPresent(pair, at)))
  }

  #isPresent(pair: Pair, at: WallMicros): boolean {
    return this.plan.planned.every(({ kind, backend, from, to }) => {
      if (backend !== pair.backend) return true
      const isNow = at >= from && at < to
      return kind === 'vanish' ? !isNow : kind === 'appear' ? isNow : true
    })
  }

  #hits(kind: IncidentKind, pair: Pair, at: WallMicros): boolean {
    return this.plan.planned.some(
      (incident) => incident.kind === kind && incident.backend === pair.backend && during(incident, at),
    )
  }
}

const during = ({ from, to }: PlannedIncident, at: WallMicros): boolean => at >= from && at < to

/** The pairs that can get requests now, chosen by weight. */
class Candidates {
  readonly total: number
  readonly #sums: number[]

  constructor(readonly pairs: readonly Pair[]) {
    let sum = 0
    this.#sums = pairs.map(({ weight }) => (sum += weight))
    this.total = sum
  }

  pick(random: Random): Pair {
    const target = random.next() * this.total
    let [low, high] = [0, this.pairs.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#sums[middle]! > target) high = middle
      else low = middle + 1
    }
    return this.pairs[low]!
  }
}
