/** Precision and recall of the findings on the seeded incidents of synth, whose truth is its plan. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVERYTHING } from '../../src/frame/selection.ts'
import { spanOf } from '../../src/frame/time.ts'
import { wallMicros } from '../../src/frame/units.ts'
import type { FindingEntry, FindingKind } from '../../src/report/document.ts'
import { BY_REQUESTS } from '../../src/report/order.ts'
import { reportOf } from '../../src/report/report.ts'
import {
  INCIDENT_KINDS,
  planSynth,
  type Incident,
  type IncidentKind,
  type PlannedIncident,
} from '../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../src/simulate/synth.ts'
import { openRecording } from '../../src/store/reader.ts'
import { createRecording } from '../../src/store/writer.ts'

const FOUND_AS: Readonly<Record<IncidentKind, FindingKind>> = {
  '5xx': 'burst_5xx',
  slow: 'slow_down',
  vanish: 'backend_vanished',
  appear: 'backend_appeared',
  refused: 'backend_refused',
  surge: 'surge',
  stop: 'stop',
  gap: 'gap',
}

interface Score {
  planned: number
  right: number
  edges: number[]
}

const emptyScore = (): Score => ({ planned: 0, right: 0, edges: [] })

/** @param runs recordings of each length */
export function benchFindings(runs: number): void {
  const scores = new Map(INCIDENT_KINDS.map((kind) => [kind, emptyScore()]))
  let wrong = 0
  for (const secs of [120, 900, 3600, 7200]) {
    for (let seed = 1; seed <= runs; seed++) {
      const incidents = incidentsOf(secs, seed)
      const { findings, planned } = findingsIn(secs, seed, incidents, seed % 3 === 0 ? 20 : 120)
      wrong += scoreRun(findings, planned, scores, `${secs} s, seed ${seed}`)
    }
  }
  for (const [kind, { planned, right, edges }] of scores) {
    const middle = edges.sort((a, b) => a - b)[edges.length >> 1] ?? NaN
    console.log(
      `${kind.padEnd(8)} recall ${(right / planned).toFixed(2)} (${right} of ${planned}), edges off by ${middle.toFixed(1)} s in the median`,
    )
  }
  const right = [...scores.values()].reduce((total, score) => total + score.right, 0)
  console.log(`precision ${(right / (right + wrong)).toFixed(3)} (${wrong} findings of nothing)`)
}

/** A quiet day with its ordinary swing, several seeds. */
export function benchQuiet(days: number): void {
  let found = 0
  for (let seed = 101; seed < 101 + days; seed++) {
    const { findings } = findingsIn(86_400, seed, [], 40)
    found += findings.length
    for (const { what } of findings) console.log(`  quiet day, seed ${seed}: ${what}`)
  }
  console.log(`quiet    ${found} findings in ${days} days without an incident`)
}

/** Two of each recording, of every kind in turn, apart from each other. */
function incidentsOf(secs: number, seed: number): Incident[] {
  const length = Math.max(8, Math.round(secs / (seed % 2 === 0 ? 12 : 40)))
  return [0, 1].map((i) => {
    const from = Math.round(secs * (i === 0 ? 0.25 : 0.65)) + (seed % 7)
    return {
      kind: INCIDENT_KINDS[(seed * 2 + i) % INCIDENT_KINDS.length]!,
      from,
      to: from + length,
      backend: null,
    }
  })
}

function findingsIn(
  secs: number,
  seed: number,
  incidents: readonly Incident[],
  rps = 120,
): { findings: readonly FindingEntry[]; planned: readonly PlannedIncident[] } {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
  const file = join(folder, 'synth.db')
  try {
    const plan = planSynth({
      seed,
      secs,
      backends: 3,
      routes: 8,
      rps,
      requests: 0,
      start: wallMicros(Date.UTC(2026, 10, 22, 14) * 1000),
      incidents,
    })
    const sink = createRecording(
      file,
      { host: 'bench', timeZone: 'UTC', kernel: 'none', arguments: [], interfaces: [] },
      { durable: false },
    )
    for (const frame of synthFrames(plan)) sink.append(frame)
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
    return { findings: document.findings, planned: plan.planned }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Right: the kind, the backend, and half of the time in common. */
function scoreRun(
  findings: readonly FindingEntry[],
  planned: readonly PlannedIncident[],
  scores: Map<IncidentKind, Score>,
  where: string,
): number {
  const left = new Set(findings)
  for (const incident of planned) {
    const score = scores.get(incident.kind)!
    score.planned++
    const match = [...left].find((finding) => isRight(finding, incident))
    if (match === undefined) {
      console.log(`  missed: ${incident.kind} of ${incident.backend?.address ?? 'all'} (${where})`)
      continue
    }
    left.delete(match)
    score.right++
    score.edges.push(
      Math.abs(Date.parse(match.from) - incident.from / 1000) / 1000,
      Math.abs(Date.parse(match.to) - incident.to / 1000) / 1000,
    )
  }
  for (const { kind, what } of left) console.log(`  wrong: ${kind}: ${what} (${where})`)
  return left.size
}

function isRight({ kind, from, to, backend }: FindingEntry, incident: PlannedIncident): boolean {
  if (kind !== FOUND_AS[incident.kind]) return false
  if (incident.backend !== null && backend !== incident.backend.address) return false
  const [start, end] = [Date.parse(from) * 1000, Date.parse(to) * 1000]
  const common = Math.min(end, incident.to) - Math.max(start, incident.from)
  return common >= 0.5 * (Math.max(end, incident.to) - Math.min(start, incident.from))
}
