/** The recordings for measuring findings. Their plans are the truth. */
import { wallMicros } from '../../src/frame/model/units.ts'
import {
  INCIDENT_KINDS,
  planSynth,
  type Incident,
  type IncidentKind,
  type SynthPlan,
} from '../../src/simulate/synth-plan.ts'
import { Random } from '../../src/simulate/synth-random.ts'
import { WEAK_KINDS, type WeakKind } from './weak.ts'

export interface Sample {
  readonly name: string
  readonly plan: SynthPlan
  /** incidents in the frames that are not in the plan */
  readonly weak: readonly WeakIncident[]
}

/** [from, to) in seconds from the start. */
export interface WeakIncident {
  readonly kind: WeakKind
  readonly from: number
  readonly to: number
  readonly backend: string
  /** the backend's busiest route */
  readonly route: string
}

const START = wallMicros(Date.UTC(2026, 10, 22, 14) * 1000)

/** The tuning set of the detectors: four lengths, three backends, two rates. @param runs recordings of each length */
export function* tuningSet(runs: number): Iterable<Sample> {
  for (const secs of [120, 900, 3600, 7200]) {
    for (let seed = 1; seed <= runs; seed++) {
      const length = Math.max(8, Math.round(secs / (seed % 2 === 0 ? 12 : 40)))
      const incidents = [0, 1].map((i) => {
        const from = Math.round(secs * (i === 0 ? 0.25 : 0.65)) + (seed % 7)
        const kind = INCIDENT_KINDS[(seed * 2 + i) % INCIDENT_KINDS.length]!
        return { kind, from, to: from + length, backend: null }
      })
      const rps = seed % 3 === 0 ? 20 : 120
      yield { name: `${secs} s, seed ${seed}`, plan: planOf(seed, secs, 3, 8, rps, incidents), weak: [] }
    }
  }
}

const LENGTHS = [150, 420, 1000, 1800, 3000, 5400] as const

/**
 * Other sizes, pools, rates and lengths of incidents, drawn from the seed. `first` selects the set: a detector that was tuned
 * on one set must be measured on another.
 */
export function* drawnSet(first: number, count: number): Iterable<Sample> {
  for (let i = 0; i < count; i++) {
    const seed = first + i
    const random = new Random(seed)
    const secs = LENGTHS[i % LENGTHS.length]!
    const [backends, routes] = [2 + random.below(6), 3 + random.below(30)]
    const rps = [15, 40, 120, 300][random.below(4)]!
    const kinds = [0, 1].map((k): IncidentKind => INCIDENT_KINDS[(2 * i + k) % INCIDENT_KINDS.length]!)
    const incidents = spansIn(secs, kinds.length, random).map((span, k) => ({
      ...span,
      kind: kinds[k]!,
      backend: random.below(backends),
    }))
    const name = `${secs} s, ${backends} backends, ${routes} routes, ${rps}/s, seed ${seed}`
    yield { name, plan: planOf(seed, secs, backends, routes, rps, incidents), weak: [] }
  }
}

/** Incidents that medians do not show, one per recording. */
export function* weakSet(first: number, count: number): Iterable<Sample> {
  for (let i = 0; i < count; i++) {
    const seed = first + i
    const random = new Random(seed)
    const secs = LENGTHS[i % LENGTHS.length]!
    const [backends, routes] = [2 + random.below(4), 4 + random.below(12)]
    const rps = [60, 120, 300][random.below(3)]!
    const plan = planOf(seed, secs, backends, routes, rps, [])
    const [span] = spansIn(secs, 1, random)
    const backend = plan.backendList[random.below(backends)]!
    const route = plan.pairs
      .filter((pair) => pair.backend === backend)
      .reduce((most, pair) => (pair.weight > most.weight ? pair : most)).route.path
    const kind = WEAK_KINDS[i % WEAK_KINDS.length]!
    const name = `${secs} s, ${backends} backends, ${routes} routes, ${rps}/s, seed ${seed}`
    yield { name, plan, weak: [{ ...span!, kind, backend: backend.address, route }] }
  }
}

/** Days of ordinary traffic with its daily pattern. */
export function* quietSet(first: number, days: number): Iterable<Sample> {
  for (let i = 0; i < days; i++) {
    const seed = first + i
    const [backends, routes, rps] = [3 + (i % 3), 8 + 5 * (i % 2), [40, 25, 60][i % 3]!]
    const name = `${backends} backends, ${routes} routes, ${rps}/s, seed ${seed}`
    yield { name, plan: planOf(seed, 86_400, backends, routes, rps, []), weak: [] }
  }
}

/** Spans apart from each other and from both ends; at least 10 s, at most a sixth of their part of the recording. */
function spansIn(secs: number, count: number, random: Random): { from: number; to: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const part = secs / count
    const length = Math.max(10, Math.round(part * (0.03 + 0.14 * random.next())))
    const from = Math.round(i * part + 0.25 * part + random.next() * 0.4 * part)
    return { from, to: from + length }
  })
}

const planOf = (
  seed: number,
  secs: number,
  backends: number,
  routes: number,
  rps: number,
  incidents: readonly Incident[],
): SynthPlan => planSynth({ seed, secs, backends, routes, rps, requests: 0, start: START, incidents })
