/**
 * Mutates lines of the helper: they are decoded and subtracted, and a share is recorded and read again. Invariants: every frame
 * is valid; one bad line among good ones changes only the rows that it names.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { jsonOf } from '../../src/record/line-json.ts'
import { readSource } from '../../src/record/source.ts'
import { isObject } from '../../src/record/wire-values.ts'
import type { WireLine } from '../../src/record/wire.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { CAPTURES, isSnapshot } from './captures.ts'
import { Chance } from './chance.ts'
import { checkFrame } from './frame-invariants.ts'
import { mutate } from './line-mutations.ts'
import { COMMANDS, runOn } from './recordings.ts'
import { Broken, type Target } from './target.ts'

interface LinesInput {
  readonly lines: readonly string[]
  /** one line inserted into that capture; null: several mutations anywhere */
  readonly inserted: { readonly capture: number; readonly line: string } | null
  /** whether it is also recorded and read */
  readonly stored: boolean
}

/** Recording one and running every command on it takes as long as 100 inputs. */
const STORED_SHARE = 1 / 500

export const target: Target<LinesInput> = {
  make(seed, number) {
    const chance = new Chance(seed, number)
    const capture = chance.below(CAPTURES.length)
    const good = CAPTURES[capture]!
    const stored = chance.chance(STORED_SHARE)
    if (chance.chance(0.5)) {
      const line = mutate(chance.pick(good), chance, good).replaceAll('\n', ' ')
      return { lines: insertLine(good, line, chance), inserted: { capture, line }, stored }
    }
    const lines = [...good]
    for (let i = chance.between(1, 5); i > 0; i--) mutateLines(lines, chance, good)
    return { lines, inserted: null, stored }
  },

  async run({ lines, inserted, stored }, step) {
    const frames = await framesOf(lines)
    frames.forEach((frame, i) => checkFrame(frame, i))
    if (inserted !== null) await checkNeighbours(frames, inserted.capture, inserted.line)
    if (stored) await checkRecorded(frames, step)
  },

  save: ({ lines }, place) => writeFileSync(`${place}.ndjson`, lines.map((line) => `${line}\n`).join('')),

  async prepare(folder) {
    recorded = join(folder, 'lines.db')
    for (let i = 0; i < CAPTURES.length; i++) await truthOf(i)
  },
}

/**
 * Between the first snapshot, which is the baseline, and the last two: counts lost by a wrong clock come back with the second
 * snapshot after it.
 */
function insertLine(good: readonly string[], line: string, chance: Chance): string[] {
  const snapshots = good.flatMap((text, i) => (isSnapshot(text) ? [i] : []))
  const at = chance.between(snapshots[0]! + 1, snapshots.at(-2)!)
  return [...good.slice(0, at), line, ...good.slice(at)]
}

function mutateLines(lines: string[], chance: Chance, good: readonly string[]): void {
  const at = chance.below(lines.length)
  const other = chance.below(lines.length)
  chance.pick<() => void>([
    () => (lines[at] = mutate(lines[at] ?? '', chance, good)),
    () => (lines[at] = mutate(lines[at] ?? '', chance, good)),
    () => (lines[at] = mutate(lines[at] ?? '', chance, good)),
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, chance.pick(good)),
    () => ([lines[at], lines[other]] = [lines[other] ?? '', lines[at] ?? '']),
    () => lines.splice(at, 2, (lines[at] ?? '') + (lines[at + 1] ?? '')),
    () => lines.splice(at, 0, ...lines.slice(0, other)),
    () => lines.splice(at),
  ])()
}

async function framesOf(lines: readonly string[]): Promise<SecondFrame[]> {
  const frames: SecondFrame[] = []
  for await (const event of readSource(linesIn(lines))) {
    if (event.kind === 'frame') frames.push(event.frame)
  }
  return frames
}

async function* linesIn(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield await Promise.resolve(line)
}

interface Truth {
  readonly frames: string
  readonly requests: ReadonlyMap<string, number>
  /** `backend method path` of each slot */
  readonly pairOfSlot: ReadonlyMap<number, string>
  readonly slotsOfBackend: ReadonlyMap<number, readonly number[]>
}

const truths = new Map<number, Truth>()

async function truthOf(capture: number): Promise<Truth> {
  let truth = truths.get(capture)
  if (truth === undefined) truths.set(capture, (truth = await readTruth(CAPTURES[capture]!)))
  return truth
}

async function readTruth(lines: readonly string[]): Promise<Truth> {
  const frames = await framesOf(lines)
  const addresses = new Map<number, string>()
  const pairOfSlot = new Map<number, string>()
  const slotsOfBackend = new Map<number, number[]>()
  for (const line of lines) {
    const message = JSON.parse(line) as WireLine
    if (message.type === 'backend') addresses.set(message.id, `${message.netns} ${message.address}`)
    if (message.type !== 'route') continue
    const { id, backend, method, path } = message
    pairOfSlot.set(id, `${addresses.get(backend) ?? ''} ${method} ${path}`)
    slotsOfBackend.set(backend, [...(slotsOfBackend.get(backend) ?? []), id])
  }
  return { frames: textOf(frames), requests: requestsOf(frames), pairOfSlot, slotsOfBackend }
}

const textOf = (frames: readonly SecondFrame[]): string =>
  JSON.stringify(frames, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))

function requestsOf(frames: readonly SecondFrame[]): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { traffic } of frames) {
    for (const { backend, route, requests } of traffic) {
      const pair = `${backend.netns} ${backend.address} ${route.method} ${route.path}`
      sums.set(pair, (sums.get(pair) ?? 0) + requests)
    }
  }
  return sums
}

async function checkNeighbours(frames: readonly SecondFrame[], capture: number, line: string): Promise<void> {
  const truth = await truthOf(capture)
  const touched = slotsChangedBy(line, truth)
  if (touched === null) {
    if (textOf(frames) !== truth.frames) throw new Broken('a line that is not JSON changed the frames')
    return
  }
  const sums = requestsOf(frames)
  const pairs = new Set([...touched].map((slot) => truth.pairOfSlot.get(slot)))
  for (const [pair, requests] of truth.requests) {
    if (!pairs.has(pair) && (sums.get(pair) ?? 0) !== requests) {
      throw new Broken(
        `a bad line changed the requests of others: "${pair}" has "${sums.get(pair) ?? 0}" for "${requests}"`,
      )
    }
  }
}

/** The slots that a line may change; null if it is no JSON object. */
function slotsChangedBy(line: string, { slotsOfBackend, pairOfSlot }: Truth): ReadonlySet<number> | null {
  const message = jsonOf(line)
  if (!isObject(message)) return null
  switch (message.type) {
    case 'snapshot': {
      const rows = Array.isArray(message.traffic) ? (message.traffic as unknown[]) : []
      return new Set(rows.map((row) => Number(Array.isArray(row) ? row[0] : -1)))
    }
    case 'retired':
      return new Set([Number(message.id)])
    // It may use an id before its route does, and give it a route that another slot has.
    case 'route':
      return new Set([Number(message.id), ...(slotsOfBackend.get(Number(message.backend)) ?? [])])
    // Its number may be that of any namespace.
    case 'namespace':
      return new Set(pairOfSlot.keys())
    case 'backend':
    case 'retired_backend':
      return new Set(slotsOfBackend.get(Number(message.id)))
    default:
      return new Set()
  }
}

/** path of the recording */
let recorded = ''

const META = { host: 'web1', timeZone: 'UTC', kernel: '6.18', arguments: [], interfaces: [] }

/** The recording is whole, and no control byte reaches the terminal. */
async function checkRecorded(frames: readonly SecondFrame[], step: (name: string) => void): Promise<void> {
  step('record')
  rmSync(recorded, { force: true })
  const sink = createRecording(recorded, META, { durable: false })
  for (const frame of frames) sink.append(frame)
  sink.close()
  for (const command of COMMANDS) {
    step(command.join(' '))
    const { code, stdout } = await runOn(recorded, command)
    // Control totals that do not reconcile come from the input, not from the file.
    const problems = stdout
      .split('\n')
      .filter((text) => text.startsWith('  !') && !/book|segments|requests/.test(text))
    if (command[0] === 'check' && problems.length > 0) throw new Broken(`check: ${problems.join('; ')}`)
    if (command[0] !== 'check' && frames.length > 0 && code !== 0)
      throw new Broken(`${command[0]} ends with ${code}`)
  }
}
