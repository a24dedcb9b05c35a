/** Precision and recall of the findings on seeded incidents. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVERYTHING } from '../../src/frame/expression/selection.ts'
import { spanOf } from '../../src/frame/time/time.ts'
import type { FindingEntry, FindingKind } from '../../src/report/document/document.ts'
import { BY_REQUESTS } from '../../src/report/data/order.ts'
import { reportOf } from '../../src/report/formats/report.ts'
import type { IncidentKind } from '../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../src/simulate/synth.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { drawnSet, quietSet, tuningSet, weakSet, type Sample } from './finding-sets.ts'
import { weakened, type WeakKind } from './weak.ts'

const FOUND_AS: Readonly<Record<IncidentKind | WeakKind, readonly FindingKind[]>> = {
  '5xx': ['burst_5xx'],
  slow: ['slow_down'],
  vanish: ['backend_vanished'],
  appear: ['backend_appeared'],
  refused: ['backend_refused'],
  surge: ['surge'],
  stop: ['stop'],
  gap: ['gap'],
  tail: ['slow_tail', 'slow_down'],
  route: ['slow_tail', 'slow_down'],
  'few-5xx': ['burst_5xx'],
}

/** An incident; times in µs. backend: null is all of them. */
interface Truth {
  readonly kind: IncidentKind | WeakKind
  readonly from: number
  readonly to: number
  readonly backend: string | null
}

interface Score {
  planned: number
  right: number
  edges: number[]
}

/**
 * The detectors were tuned only on the tuning sets. A held-out set that is used for tuning becomes a tuning set, and needs a
 * new replacement. SETS=held-out,quiet runs some sets. @param runs recordings of each length of the first set
 */
export function benchFindings(runs: number): void {
  const sets: Readonly<Record<string, () => Iterable<Sample>>> = {
    tuning: () => tuningSet(runs),
    'tuning-drawn': () => drawnSet(5001, 48),
    'tuning-weak': () => weakSet(6001, 36),
    'held-out': () => drawnSet(9001, 48),
    'held-out-weak': () => weakSet(8001, 36),
    quiet: () => quietSet(201, 3),
  }
  const wanted = (process.env.SETS ?? Object.keys(sets).join(',')).split(',')
  for (const name of wanted) scoreSet(name, sets[name]!())
}

function scoreSet(name: string, samples: Iterable<Sample>): void {
  const scores = new Map<string, Score>()
  let [wrong, recordings] = [0, 0]
  console.log(`${name} set`)
  for (const sample of samples) {
    recordings++
    wrong += scoreSample(sample, scores)
  }
  for (const [kind, { planned, right, edges }] of scores) {
    const middle = edges.sort((a, b) => a - b)[edges.length >> 1]
    const off = middle === undefined ? '' : `, edges off by ${middle.toFixed(1)} s in the median`
    console.log(`  ${kind.padEnd(8)} recall ${(right / planned).toFixed(2)} (${right} of ${planned})${off}`)
  }
  const all = [...scores.values()]
  const [planned, right] = [sumOf(all, 'planned'), sumOf(all, 'right')]
  const recall = planned === 0 ? '' : `recall ${(right / planned).toFixed(3)} (${right} of ${planned}), `
  const precision = right + wrong === 0 ? '' : `precision ${(right / (right + wrong)).toFixed(3)}, `
  console.log(`  all      ${recall}${precision}${wrong} wrong findings in ${recordings} recordings`)
}

const sumOf = (scores: readonly Score[], field: 'planned' | 'right'): number =>
  scores.reduce((sum, score) => sum + score[field], 0)

function findingsIn({ plan, weak }: Sample): readonly FindingEntry[] {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
  const file = join(folder, 'synth.db')
  try {
    const meta = { host: 'bench', timeZone: 'UTC', kernel: 'none', arguments: [], interfaces: [] }
    const sink = createRecording(file, meta, { durable: false })
    for (const frame of weakened(synthFrames(plan), weak, plan.seed)) sink.append(frame)
    sink.close()
    const recording = openRecording(file)
    const query = { range: spanOf(recording.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null }
    const { document } = reportOf([recording], {
      query,
      by: null,
      timeZone: 'UTC',
      command: '',
      points: 2,
      slowest: false,
    })
    recording.close()
    return document.findings
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Returns the number of wrong findings. */
function scoreSample(sample: Sample, scores: Map<string, Score>): number {
  const left = new Set(findingsIn(sample))
  for (const truth of truthOf(sample)) {
    const score = scores.get(truth.kind) ?? { planned: 0, right: 0, edges: [] }
    scores.set(truth.kind, score)
    score.planned++
    const match = [...left].find((finding) => isRight(finding, truth))
    if (match === undefined) {
      const seconds = Math.round((truth.to - truth.from) / 1e6)
      console.log(`  missed: ${truth.kind} of ${truth.backend ?? 'all'} for ${seconds} s (${sample.name})`)
      continue
    }
    left.delete(match)
    score.right++
    score.edges.push(
      Math.abs(Date.parse(match.from) - truth.from / 1000) / 1000,
      Math.abs(Date.parse(match.to) - truth.to / 1000) / 1000,
    )
  }
  for (const { kind, what } of left) console.log(`  wrong: ${kind}: ${what} (${sample.name})`)
  return left.size
}

const truthOf = ({ plan, weak }: Sample): Truth[] => [
  ...plan.planned.map((incident) => ({ ...incident, backend: incident.backend?.address ?? null })),
  ...weak.map(({ from, to, ...incident }) => ({
    ...incident,
    from: plan.start + from * 1e6,
    to: plan.start + to * 1e6,
  })),
]

/** A finding is right with the same kind and backend, and half of the time in common. */
function isRight({ kind, from, to, backend }: FindingEntry, truth: Truth): boolean {
  if (!FOUND_AS[truth.kind].includes(kind)) return false
  if (truth.backend !== null && backend !== truth.backend) return false
  const [start, end] = [Date.parse(from) * 1000, Date.parse(to) * 1000]
  const common = Math.min(end, truth.to) - Math.max(start, truth.from)
  return common >= 0.5 * (Math.max(end, truth.to) - Math.min(start, truth.from))
}
