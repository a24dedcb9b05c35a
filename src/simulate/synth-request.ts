/** One synthetic request. Its outcome and times are determined when it begins. */
import type { Outcome } from '../frame/model/frame.ts'
import { addMicros, micros, type Micros, type WallMicros } from '../frame/model/units.ts'
import type { Pair } from './synth-plan.ts'
import type { Random } from './synth-random.ts'

export interface PlannedRequest {
  readonly pair: Pair
  readonly at: WallMicros
  readonly outcome: Outcome
  readonly header: Micros
  readonly total: Micros
  readonly headAt: WallMicros
  readonly endAt: WallMicros
  /** null on a kept-alive connection */
  readonly connect: Micros | null
  isAnswered: boolean
}

/** The incidents that affect a request. */
export interface Incidents {
  readonly slow: boolean
  readonly fivexx: boolean
}

export function planRequest(
  pair: Pair,
  at: WallMicros,
  incidents: Incidents,
  random: Random,
): PlannedRequest {
  const outcome = outcomeOf(pair, incidents, random)
  const usual = random.logNormal(pair.median, pair.sigma)
  const header = micros(Math.max(80, Math.round(incidents.slow ? usual * 8 + 20_000 : usual)))
  const total = micros(header + Math.round(random.logNormal(250, 0.6)))
  const connect = random.chance(0.04) ? micros(Math.round(random.logNormal(300, 0.4))) : null
  return {
    pair,
    at,
    outcome,
    header,
    total,
    headAt: addMicros(at, header),
    endAt: addMicros(at, total),
    connect,
    isAnswered: false,
  }
}

function outcomeOf({ fivexx, route }: Pair, incidents: Incidents, random: Random): Outcome {
  const chance = random.next()
  if (incidents.fivexx && chance < 0.4) return [502, 500, 503, 502][random.below(4)]!
  if (chance < fivexx) return chance < fivexx / 2 ? 500 : 503
  if (chance > 0.9998) return 'reset'
  if (chance > 0.9994) return 'aborted'
  if (chance > 0.985) return 404
  if (route.method === 'POST' && chance > 0.9) return 201
  return route.path.startsWith('/static/') && chance > 0.6 ? 304 : 200
}
