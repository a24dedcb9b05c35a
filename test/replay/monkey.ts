/** Monkey test: random keys at random times while the recording grows, removes ticks and ends. Nothing may fail. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import type { Recording, RecordingSink } from '../../src/frame/model/recording.ts'
import { addMicros, micros } from '../../src/frame/model/units.ts'
import { MemoryRecording } from '../../src/replay/data/memory.ts'
import type { PlayOptions } from '../../src/replay/player/options.ts'
import { play } from '../../src/replay/player/player.ts'
import type { Growth } from '../../src/replay/data/source.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { createRecording } from '../../src/store/write/writer.ts'
import { FakeTerminal, KEYS, pause } from './fake-terminal.ts'
import {
  BACKENDS,
  frameOf,
  PLAY_DEFAULTS,
  ROUTES,
  START,
  EXAMPLE_INFO,
  type Share,
} from './example-recording.ts'

/** mulberry32 */
export function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sides) | 0
  }
}

/** Keys that leave or suspend have other tests. */
const TYPED = [
  ...Array.from('?hjk<>ow/b:mR[]{}tT+-=gGeEsSdDxXnNyLHHz0123456789 ~é'),
  ...[
    '/orders\r',
    ':30%\r',
    'b+5s\r',
    ':nonsense\r',
    'mdeploy\r',
    '\u007f',
    '\u000c',
    '\u001b[5~',
    '\u001b[6~',
  ],
  ...Object.values(KEYS),
]

/** Seconds with changing backends, idle ones, gaps, and clock steps. */
function* seconds(roll: (sides: number) => number): Generator<SecondFrame, never> {
  let [at, seq] = [START, 0]
  let busy = [BACKENDS.orders]
  for (;;) {
    if (roll(20) === 0) busy = Object.values(BACKENDS).filter(() => roll(2) === 0)
    const gap = roll(40) === 0
    if (gap) at = addMicros(at, (roll(20) - 5) * 1_000_000)
    const trouble = roll(15) === 0
    const shares = busy.map((backend): Share => ({
      backend,
      route: Object.values(ROUTES)[roll(7)]!,
      requests: 1 + roll(50),
      headerMs: roll(100),
      fivexx: trouble ? 1 : 0,
      inFlight: roll(3),
    }))
    const frame = frameOf(seq++, at, roll(10) === 0 ? [] : shares)
    yield gap ? { ...frame, gapBefore: 'stopped' } : frame
    at = addMicros(at, 1_000_000)
  }
}

interface Grown {
  readonly sink: RecordingSink & { close(): void }
  readonly recording: Recording
  readonly growth: Growth
  readonly remove: () => void
}

function inMemory(roll: (sides: number) => number): Grown {
  const recording = new MemoryRecording({ ...EXAMPLE_INFO, complete: false }, 40 + roll(600))
  const growth: Growth = (listener) => {
    recording.onGrowth(listener)
    return () => recording.onGrowth(null)
  }
  return { sink: recording, recording, growth, remove: () => undefined }
}

function inFile(roll: (sides: number) => number): Grown {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-monkey-'))
  const file = join(folder, 'growing.db')
  const keep = roll(2) === 0 ? micros((30 + roll(300)) * 1_000_000) : undefined
  const { host, timeZone, kernel } = EXAMPLE_INFO
  const sink = createRecording(
    file,
    { host, timeZone, kernel, arguments: [], interfaces: [] },
    keep === undefined ? {} : { keep },
  )
  const recording = openRecording(file, { follow: true })
  const growth: Growth = (listener) => {
    const timer = setInterval(listener, 7)
    return () => clearInterval(timer)
  }
  return { sink, recording, growth, remove: () => rmSync(folder, { recursive: true }) }
}

/** @throws what the player throws */
export async function monkey(seed: number, presses: number): Promise<void> {
  const roll = dice(seed)
  // A clock that jumps ahead: sliced work is interrupted after each step, and time passes as on a busy machine.
  const clock = performance.now.bind(performance)
  let ahead = 0
  performance.now = () => clock() + (ahead += roll(4))
  try {
    await pressKeys(roll, presses)
  } finally {
    performance.now = clock
  }
}

async function pressKeys(roll: (sides: number) => number, presses: number): Promise<void> {
  const grown = roll(2) === 0 ? inMemory(roll) : inFile(roll)
  const frames = seconds(roll)
  const terminal = new FakeTerminal(60 + roll(140), 10 + roll(50))
  const stopping = new AbortController()
  const options: PlayOptions = {
    ...PLAY_DEFAULTS,
    begin: roll(2) === 0 ? 'live' : 'start',
    playing: roll(2) === 0,
    loop: roll(2) === 0,
    idleLimit: roll(2) === 0 ? micros(2_000_000) : null,
    growth: grown.growth,
    isLive: roll(2) === 0,
    mark: (marker) => {
      if (grown.recording instanceof MemoryRecording) grown.recording.mark(marker)
    },
    signal: stopping.signal,
  }
  const over = new AbortController()
  const done = play(grown.recording, terminal, options).finally(() => over.abort())
  done.catch(() => undefined) // rethrown below
  let seq = 0
  const record = (ticks: number): void => {
    for (; ticks > 0; ticks--) grown.sink.append({ ...frames.next().value, seq: seq++ })
  }
  for (let press = 0; press < presses && !over.signal.aborted; press++) {
    record(roll(4) === 0 ? roll(60) : roll(2))
    if (roll(30) === 0) terminal.resize(60 + roll(190), 10 + roll(90))
    const key = TYPED[roll(TYPED.length)]!
    terminal.input.write(key)
    // A search goes on until the next key, while ticks arrive.
    for (let turns = 'dD'.includes(key) || roll(20) === 0 ? roll(30) : 0; turns > 0; turns--) {
      await pause(1)
      record(roll(2))
    }
    if (roll(3) === 0) await pause(roll(4))
    else await new Promise((next) => setImmediate(next))
  }
  await terminal.settled()
  stopping.abort()
  try {
    await done
  } finally {
    grown.sink.close()
    grown.recording.close()
    grown.remove()
  }
}
