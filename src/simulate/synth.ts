/** Synthetic traffic, tick by tick. It is made request by request, so that every identity of the frame model holds. */
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
import { openRequest, type Flight } from './synth-flight.ts'
import type { IncidentKind, Pair, PlannedIncident, SynthPlan } from './synth-plan.ts'
import { Random } from './synth-random.ts'
import { TickTally } from './synth-tally.ts'

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
      const tally = traffic.tick(start, end, isLast)
      const length = micros(end - start)
      yield {
        seq: seq++,
        start,
        mono: monotonicNanos(BOOT + BigInt(start - plan.start) * 1000n),
        length,
        ...tally,
        loss: NO_LOSS,
        excluded: { ...NO_EXCLUDED, frontDoor: tally.control.requests },
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

/** What is under way, from tick to tick. */
class Traffic {
  #flights: Flight[] = []

  constructor(
    readonly plan: SynthPlan,
    readonly random: Random,
  ) {}

  /** @param isLast the recorder ends with this tick: whatever is open ends in it too */
  tick(start: WallMicros, end: WallMicros, isLast: boolean): ReturnType<TickTally['frame']> {
    const tally = new TickTally(this.plan, this.random)
    for (const flight of this.#flights) tally.carry(flight)
    const arrivals = this.random.poisson(this.#rate(start) * ((end - start) / SECOND))
    const candidates = this.#candidates(start)
    for (let i = 0; i < arrivals && candidates.total > 0; i++) this.#arrive(tally, candidates, start, end)
    const until = isLast ? wallMicros(Infinity) : end
    this.#flights = this.#flights.filter((flight) => tally.advance(flight, until))
    return tally.frame(end)
  }

  isDuring(kind: IncidentKind, at: WallMicros): boolean {
    return this.plan.planned.some((incident) => incident.kind === kind && during(incident, at))
  }

  #arrive(tally: TickTally, candidates: Candidates, start: WallMicros, end: WallMicros): void {
    let pair = candidates.pick(this.random)
    let retries = 0
    if (this.#hits('refused', pair, start)) {
      tally.refuse(pair.backend)
      const others = candidates.pairs.filter(({ backend }) => backend !== pair.backend)
      if (others.length === 0) return
      pair = others[this.random.below(others.length)]!
      retries = this.#hits('refused', pair, start) ? 0 : 1
      if (retries === 0) {
        tally.refuse(pair.backend)
        return
      }
    }
    const at = addMicros(start, this.random.below(end - start))
    const trouble = { slow: this.#hits('slow', pair, start), fivexx: this.#hits('5xx', pair, start) }
    const flight = openRequest(pair, at, trouble, this.random)
    this.#flights.push(flight)
    tally.begin(flight, retries)
  }

  /** A gentle daily swing, highest at three in the afternoon, and what surges and stops. */
  #rate(at: WallMicros): number {
    const hour = (at / 3.6e9) % 24
    const swing = 1 + 0.35 * Math.cos(((hour - 15) / 12) * Math.PI)
    if (this.isDuring('stop', at)) return 0
    return this.plan.rps * swing * (this.isDuring('surge', at) ? 3 : 1)
  }

  #candidates(at: WallMicros): Candidates {
    return new Candidates(this.plan.pairs.filter((pair) => this.#isThere(pair, at)))
  }

  #isThere(pair: Pair, at: WallMicros): boolean {
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

/** The pairs that can be chosen now, by weight. */
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
