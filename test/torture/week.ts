/**
 * A week of ticks in less than an hour, through the real program: each incident gives one dump with what led to it and the minute after,
 * with a request every few ticks as with many; what is kept is bounded all the time.
 */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { dumpsIn, probeOf, Recorder } from '../triggers/recorder.ts'
import { silent, type Folder } from './kit.ts'

const START = Date.parse('2026-11-22T00:00:00Z') * 1000
const INCIDENT_SECS = 240
const KEPT = 5
const LAST_SECS = 300
/** On a busy machine a cut begins so late: what it is to hold must not be forgotten by then. */
const CUT_BEGINS_SECS = 10

interface Traffic {
  readonly name: string
  readonly rps: number
  readonly on: string
  /** from the incident's begin to the tick that fires, at most */
  readonly within: number
}

const LOADS: readonly Traffic[] = [
  { name: 'few', rps: 0.6, on: '5xx(*) > 20%', within: 200 },
  { name: 'many', rps: 25, on: '5xx(*) > 10% for 10s', within: 120 },
]

/** @param rounds ticks */
export async function week(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const said = []
  for (const load of LOADS) said.push(await oneLoad(folder, rounds, load, random))
  return said.join('; ')
}

async function oneLoad(folder: Folder, ticks: number, load: Traffic, random: () => number): Promise<string> {
  const file = folder.file(`${load.name}.db`)
  const begins = incidentsOf(ticks, random)
  const incidents = begins.map(
    (from) => ({ kind: '5xx', from, to: from + INCIDENT_SECS, backend: 1 }) as const,
  )
  const keep = Math.min(86_400, Math.max(3600, Math.floor(ticks / 3)))
  const pace = (keep - LAST_SECS) / CUT_BEGINS_SECS
  const recorder = new Recorder(
    [
      ...['--out', file, '--append', '--keep', `${keep}s`, '--max-size', '1GB', '--quiet', '--on', load.on],
      ...['--dump-last', `${LAST_SECS}s`, '--dump-keep', String(KEPT)],
      ...['--probe', probeOf({ secs: ticks, rps: load.rps, incidents, start: START, exact: true, pace })],
    ],
    { hangsAfter: Infinity },
  )
  const dumped: number[] = []
  let [most, files] = [0, 0]
  const look = async (): Promise<void> => {
    await pause(200)
    for (const name of dumpsSaid(recorder.said).slice(dumped.length))
      dumped.push(verified(name, begins, load))
    most = Math.max(most, sizeOf(file) + sizeOf(`${file}-wal`))
    files = Math.max(files, dumpsIn(folder.path).length)
  }
  try {
    while (recorder.isRunning) await look()
  } finally {
    recorder.kill('SIGKILL')
  }
  assert.equal(await recorder.ended(), 0, recorder.said)
  for (const name of dumpsSaid(recorder.said).slice(dumped.length)) dumped.push(verified(name, begins, load))
  assert.deepEqual(dumped, [...begins.keys()], `${load.name}: one dump for each incident, in their order`)
  assert.ok(files <= KEPT + 1, `${files} dumps at once`)
  assert.equal(dumpsIn(folder.path).length, KEPT)
  const { state, problems } = await checkRecording(file, silent)
  assert.equal(state, 'whole', problems.join('; '))
  const left = openRecording(file).ticks.length
  assert.ok(left <= keep + 120, `${left} ticks with --keep ${keep}s`)
  const perTick = most / keep
  for (const name of readdirSync(folder.path)) folder.remove(folder.file(name))
  return `${load.name} (${load.rps} requests per second): ${ticks} ticks, ${begins.length} incidents, as many dumps, ${files} at once at most; file and WAL ${(most / 1e6).toFixed(1)} MB at most (${perTick.toFixed(0)} bytes per tick kept)`
}

/** One in each part of the time, so that each is over, and --every too, before the next. */
function incidentsOf(ticks: number, random: () => number): readonly number[] {
  const count = Math.max(KEPT + 1, Math.floor(ticks / 14_400))
  const part = ticks / count
  assert.ok(part >= 1000, 'too short for its incidents')
  const room = part - INCIDENT_SECS - 660
  return Array.from({ length: count }, (_, i) =>
    Math.floor(i * part + 300 + random() * Math.max(0, room - 300)),
  )
}

const dumpsSaid = (said: string): string[] =>
  [...said.matchAll(/^dumped (\S+\.db): /gm)].map(([, name]) => name!)

/** @returns the number of the incident that led to it */
function verified(name: string, begins: readonly number[], { on, within }: Traffic): number {
  const dump = openRecording(name)
  try {
    const markers = dump.markers.filter(({ text }) => text.startsWith(`${on}: 5xx(10.0.1.11:8080) `))
    const fired = (markers.at(-1)!.at - START) / 1e6
    const number = begins.findLastIndex((begin) => begin <= fired)
    assert.ok(
      fired - begins[number]! <= within,
      `fired ${fired - begins[number]!} s after the incident began`,
    )
    const { start, end } = dump.info
    assert.ok(
      Math.abs((end - START) / 1e6 - (fired + 61)) <= 2,
      `${name} ends ${(end - START) / 1e6 - fired} s after it fired`,
    )
    assert.ok(
      (start - START) / 1e6 <= Math.max(1, fired - LAST_SECS + 65),
      `it begins ${fired - (start - START) / 1e6} s before it fired at ${fired}, ${dump.ticks.length} ticks`,
    )
    assert.ok(dump.ticks.length >= Math.min(LAST_SECS, fired) - 4, `${dump.ticks.length} ticks`)
    return number
  } finally {
    dump.close()
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
