/**
 * A backend is one backend over hosts. The number of a network namespace means nothing on another host, so each host's own, that of the
 * first rows of a recording, or of the first that are the host's own where namespaces have names, gives way to 0. Further ones, of containers with addresses of their own, keep their numbers.
 */
import type { Recording, SeqRange, TickSummary } from '../../frame/model/recording.ts'
import { spansOf } from './source.ts'

/** The namespace that gives way, by recording; undefined where all are of one host. */
export function homesOf(recordings: readonly Recording[]): (recording: Recording) => number | undefined {
  const isFleet = new Set(recordings.map(({ info }) => info.host)).size > 1
  return (recording) => (isFleet ? homeOf(recording) : undefined)
}

/** Kept, because it is asked for every step. */
const cache = new WeakMap<Recording, number | undefined>()

function homeOf(recording: Recording): number | undefined {
  if (!cache.has(recording)) cache.set(recording, firstNamespace(recording))
  return cache.get(recording)
}

/** The first rows are nearly always those of the first minute, which is read as one rollup. */
function firstNamespace(recording: Recording): number | undefined {
  const { ticks } = recording
  for (let from = 0; from < ticks.length;) {
    const minute = minuteOf(ticks[from]!)
    const next = ticks.findIndex((tick, i) => i > from && minuteOf(tick) !== minute)
    const to = next < 0 ? ticks.length : next
    for (const { traffic, connections } of spansOf(recording, seqsOf(ticks.slice(from, to)))) {
      const rows = [...traffic, ...connections]
      const home = rows.find(({ backend: { namespace = 'host' } }) => namespace === 'host') ?? rows[0]
      if (home !== undefined) return home.backend.netns
    }
    from = to
  }
  return undefined
}

const minuteOf = ({ start }: TickSummary): number => Math.floor(start / 60e6)
const seqsOf = (ticks: readonly TickSummary[]): SeqRange => ({
  from: ticks[0]!.seq,
  to: ticks.at(-1)!.seq + 1,
})
