/** One request on its way, with its end decided when it begins. */
import type { Outcome } from '../frame/model/frame.ts'
import { addMicros, micros, type Micros, type WallMicros } from '../frame/model/units.ts'
import type { Pair } from './synth-plan.ts'
import type { Random } from './synth-random.ts'

export interface Flight {
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

export interface Trouble {
  readonly slow: boolean
  readonly fivexx: boolean
}

export function openRequest(pair: Pair, at: WallMicros, trouble: Trouble, random: Random): Flight {
  const outcome = outcomeOf(pair, trouble, random)
  const usual = random.logNormal(pair.median, pair.sigma)
  const header = micros(Math.max(80, Math.round(trouble.slow ? usual * 8 + 20_000 : usual)))
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

function outcomeOf({ fivexx, route }: Pair, trouble: Trouble, random: Random): Outcome {
  const dice = random.next()
  if (trouble.fivexx && dice < 0.4) return [502, 500, 503, 502][random.below(4)]!
  if (dice < fivexx) return dice < fivexx / 2 ? 500 : 503
  if (dice > 0.9998) return 'reset'
  if (dice > 0.9994) return 'aborted'
  if (dice > 0.985) return 404
  if (route.method === 'POST' && dice > 0.9) return 201
  return route.path.startsWith('/static/') && dice > 0.6 ? 304 : 200
}
