/** A lane: the rate of a line as height, its trouble by level. Only numbers leave this file, as path data; x is in steps. */
import type { PictureLine } from '../../picture/picture.ts'
import { areaPath, short } from './path.ts'

/** Units below the base line in which marks of trouble stand: a step can have failures and no request, and a colour is no shape. */
export const FOOT = 4

/** A share of the attempts of at least so much is the next level; level 1 is any trouble at all. */
const LEVELS = [0.01, 0.05, 0.2] as const
/** Every day has some errors: a number is loud from this share on. */
export const LOUD = LEVELS[0]
/** One error among few attempts says little of them: it is taken as a part of so many around it. */
const ENOUGH = 100
/** Below it trouble is usual: in long steps there always is some. */
const FIRST_WITH_FOOT = 2

export interface LanePaths {
  /** areas of the rate, one for each level of trouble from none on; '' for a level that there is not */
  readonly trouble: readonly string[]
  /** of each level, too: bars from the base line down to height + FOOT, the longer the higher the level; none for `any` */
  readonly foot: readonly string[]
  /** the base line, from the first step to the last one with traffic */
  readonly presence: string
  /** requests per second at full height */
  readonly most: number
}

/** For a viewBox of `0 0 count height+FOOT`. @param most requests per second at full height; by default the line's own */
export function lanePaths(
  line: PictureLine,
  seconds: readonly number[],
  height: number,
  most = mostRate(line, seconds),
): LanePaths {
  const levels = seconds.map((_, i) => troubleLevel(line, i))
  const tops = seconds.map((length, i) => topOf(line.series.requests[i]!, length, most, height))
  const ofEach = (edge: (index: number, level: number) => number | null): string[] =>
    Array.from({ length: LEVELS.length + 2 }, (_, level) =>
      areaPath((i) => (levels[i] === level ? edge(i, level) : null), seconds.length, height),
    )
  return {
    trouble: ofEach((i) => tops[i]!),
    foot: ofEach((_, level) => (level < FIRST_WITH_FOOT ? null : height + level)),
    presence: presencePath(line, height),
    most,
  }
}

/** 0: none, 1: any, 2: ≥ 1 %, 3: ≥ 5 %, 4: ≥ 20 % of the attempts of the step; where one alone went wrong, of those around it */
export function troubleLevel({ series }: PictureLine, index: number): number {
  const bad = series.bad[index]!
  if (bad === 0) return 0
  const share = shareOf(series, index, bad > 1 ? 0 : ENOUGH)
  return 1 + LEVELS.filter((least) => share >= least).length
}

/** Of the step, and of as many on both sides of it as have enough attempts. */
function shareOf({ answered, failures, bad }: PictureLine['series'], index: number, enough: number): number {
  let [wrong, attempts] = [bad[index]!, answered[index]! + failures[index]!]
  for (let away = 1; attempts < enough && away < bad.length; away++)
    for (const i of [index - away, index + away]) {
      wrong += bad[i] ?? 0
      attempts += (answered[i] ?? 0) + (failures[i] ?? 0)
    }
  // A gRPC error may end what was answered in a step before.
  return attempts === 0 ? 1 : wrong / attempts
}

export const mostRate = ({ series }: PictureLine, seconds: readonly number[]): number =>
  seconds.reduce((most, length, i) => (length === 0 ? most : Math.max(most, series.requests[i]! / length)), 0)

/** Traffic of one request is seen beside traffic of thousands. */
const LEAST = 0.6

function topOf(requests: number, length: number, most: number, height: number): number | null {
  if (requests === 0 || length === 0 || most === 0) return null
  const share = Math.min(1, requests / length / most)
  return short(height - Math.max(LEAST, share * height))
}

function presencePath({ series: { requests, bad } }: PictureLine, height: number): string {
  const isSeen = (_: number, i: number): boolean => requests[i]! + bad[i]! > 0
  const first = requests.findIndex(isSeen)
  return first < 0 ? '' : `M${first} ${height}H${requests.findLastIndex(isSeen) + 1}`
}
