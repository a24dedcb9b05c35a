/** The bounded sample of a tick's finished requests, as the helper takes it: every failure and 5xx, the 20 slowest, every k-th of the rest. */
import type { RequestEvent } from '../model/frame.ts'

const SLOWEST = 20

/** In the order that they have. @param room most requests that are kept */
export function sampleOf(finished: readonly RequestEvent[], room: number): readonly RequestEvent[] {
  if (finished.length <= room) return finished
  const kept = new Set(
    finished.filter(({ outcome }) => typeof outcome !== 'number' || outcome >= 500).slice(0, room),
  )
  const slowest = [...finished].sort((a, b) => duration(b) - duration(a)).slice(0, SLOWEST)
  for (const event of slowest) if (kept.size < room) kept.add(event)
  const rest = finished.filter((event) => !kept.has(event))
  const step = Math.max(1, Math.ceil(rest.length / Math.max(1, room - kept.size)))
  for (let i = 0; i < rest.length && kept.size < room; i += step) kept.add(rest[i]!)
  return finished.filter((event) => kept.has(event))
}

const duration = ({ header, total }: RequestEvent): number => Math.max(header ?? 0, total ?? 0)
