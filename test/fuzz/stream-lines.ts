/**
 * node --import tsx test/fuzz/stream-lines.ts SEED MUTATED
 *
 * A helper whose machine is hostile: a valid capture, with spoilt lines as bytes among its own. Used as a `--probe` command.
 */
import { once } from 'node:events'
import { lineOf } from '../../src/record/wire-shape.ts'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'
import { CAPTURES } from './captures.ts'
import { Chance } from './chance.ts'
import { mutate } from './line-mutations.ts'

/** Spoilt lines before each tick. */
export const PER_TICK = 250
/** Requests of each tick, of two routes. */
export const REQUESTS = [7, 3] as const

const ticksFor = (mutated: number): number => Math.ceil(mutated / PER_TICK)

function* stream(seed: number, mutated: number): Generator<Buffer> {
  const say = (line: unknown): Buffer => Buffer.from(`${JSON.stringify(line)}\n`)
  for (const line of [hello, backend, route(7, '/a'), route(8, '/b'), tick(0)]) yield say(line)
  for (let second = 1, number = 0; second <= ticksFor(mutated); second++) {
    for (let i = 0; i < PER_TICK && number < mutated; i++) yield spoilt(seed, number++)
    yield say(tick(second))
  }
  yield say({ type: 'bye', reason: 'end' })
}

const tick = (second: number): unknown =>
  snapshot(second, { traffic: REQUESTS.map((each, i) => row(7 + i, each * second)) })

const row = (slot: number, n: number): TrafficColumns =>
  [slot, n, n, 0, 0, 0, 0, 0, 0, 0, 0, '0', n, '0', 0, [200, n], [], []] as unknown as TrafficColumns

/** The same seed and number give the same bytes. */
function spoilt(seed: number, number: number): Buffer {
  const chance = new Chance(seed, number)
  const capture = chance.pick(CAPTURES)
  const bytes = Buffer.from(mutate(chance.pick(capture), chance, capture))
  // Also what is no UTF-8, and controls where they stand.
  for (let i = chance.below(4); i > 0 && bytes.length > 0; i--)
    bytes[chance.below(bytes.length)] = chance.pick([0, 1, 9, 10, 13, 27, 0x22, 0x5c, 0x80, 0xc3, 0xed, 0xff])
  const pieces = bytes.toString().split('\n')
  return pieces.some(speaksOfOthers) ? Buffer.from('{"type":"snapshot"}\n') : Buffer.concat([bytes, LINE_END])
}

const LINE_END = Buffer.from('\n')

/** What is still valid says something about a tick or a route, and is believed; lines.ts has the laws for that. */
const speaksOfOthers = (line: string): boolean =>
  ['snapshot', 'retired', 'retired_backend', 'retired_wire'].includes(lineOf(line)?.type ?? '')

if (process.argv[1] === import.meta.filename) {
  const [seed = 1, mutated = 1000] = process.argv.slice(2).map(Number)
  for (const bytes of stream(seed, mutated))
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}
