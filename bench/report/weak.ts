/** Incidents that synth cannot make, put into the frames of a quiet recording. */
import type { Distribution, SecondFrame, TrafficRow } from '../../src/frame/model/frame.ts'
import { boundsOf, bucketOf } from '../../src/frame/model/histogram.ts'
import { micros } from '../../src/frame/model/units.ts'
import { Random } from '../../src/simulate/synth-random.ts'
import type { WeakIncident } from './finding-sets.ts'

/**
 * tail: a tenth of a backend's answers take eight times as long, the median stays; route: its busiest route takes six times as
 * long; few-5xx: 4 % of its answers become 500
 */
export const WEAK_KINDS = ['tail', 'route', 'few-5xx'] as const
export type WeakKind = (typeof WEAK_KINDS)[number]

export function* weakened(
  frames: Iterable<SecondFrame>,
  incidents: readonly WeakIncident[],
  seed: number,
): Iterable<SecondFrame> {
  const random = new Random(seed ^ 0x2545f491)
  let start: number | null = null
  for (const frame of frames) {
    start ??= frame.start
    const second = (frame.start - start) / 1e6
    const now = incidents.find(({ from, to }) => second >= from && second < to)
    yield now === undefined ? frame : { ...frame, traffic: hit(frame.traffic, now, random) }
  }
}

function hit(
  rows: readonly TrafficRow[],
  { kind, backend, route }: WeakIncident,
  random: Random,
): TrafficRow[] {
  return rows.map((row) => {
    if (row.backend.address !== backend) return row
    if (kind === 'few-5xx') return withFew5xx(row, 0.04, random)
    if (kind === 'tail') return { ...row, header: slowed(row.header, 0.1, 8, random) }
    return row.route.path === route ? { ...row, header: slowed(row.header, 1, 6, random) } : row
  })
}

/** Changes only the counts of the tick; the sum follows, as if the answers had come late in it. */
function slowed(of: Distribution, share: number, factor: number, random: Random): Distribution {
  const counts = new Map<number, number>()
  let [sum, max] = [Number(of.sum), of.max ?? 0]
  for (let i = 0; i < of.buckets.length; i += 2) {
    const [low, beyond] = boundsOf(of.buckets[i]!)
    for (let n = 0; n < of.buckets[i + 1]!; n++) {
      const middle = (low + beyond - 1) / 2
      const isHit = random.chance(share)
      const time = isHit ? middle * factor : middle
      if (isHit) [sum, max] = [sum + time - middle, Math.max(max, time)]
      const bucket = isHit ? bucketOf(micros(Math.round(time))) : of.buckets[i]!
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
  }
  const buckets = [...counts].sort(([a], [b]) => a - b).flat()
  const min =
    buckets.length === 0 || of.min === null ? of.min : micros(Math.max(of.min, boundsOf(buckets[0]!)[0]))
  return {
    ...of,
    sum: micros(Math.round(sum)),
    min,
    max: of.max === null ? null : micros(Math.round(max)),
    buckets,
  }
}

function withFew5xx(row: TrafficRow, share: number, random: Random): TrafficRow {
  const codes = new Map<number, number>()
  for (let i = 0; i < row.codes.length; i += 2) {
    for (let n = 0; n < row.codes[i + 1]!; n++) {
      const code = random.chance(share) ? 500 : row.codes[i]!
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  }
  return { ...row, codes: [...codes].sort(([a], [b]) => a - b).flat() }
}
