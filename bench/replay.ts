/**
 * The speed of the player with a recording of 24 hours and 2.6 million rows, relative to a bare start of Node and to a bare
 * better-sqlite3 read of the same rows, in the same run. SECONDS=20: duration of scrubbing in a file during its recording.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { BOARD_DEFAULTS, leaderboard } from '../src/frame/views/leaderboard.ts'
import type { Recording } from '../src/frame/model/recording.ts'
import { findJump, searchBackends } from '../src/replay/player/jumping.ts'
import { heatRoom } from '../src/render/heatmap/heatmap.ts'
import { paint, type Depth } from '../src/render/theme.ts'
import { scrubberOf } from '../src/render/scrubber.ts'
import { HeatReader } from '../src/replay/data/heat-reader.ts'
import { MomentReader } from '../src/replay/data/moment-reader.ts'
import { heatPageOf } from '../src/replay/player/heat-pages.ts'
import { sceneLines, type Scene } from '../src/replay/player/scene.ts'
import { startingAt } from '../src/replay/time/timeline.ts'
import { Stops } from '../src/replay/time/stops.ts'
import { firstView, type View } from '../src/replay/player/view.ts'
import { ROWS_PER_TICK } from '../src/store/format/schema.ts'
import { openRecording } from '../src/store/read/reader.ts'
import { recordBeside } from './replay-recorder.ts'
import { cpuOf, ended, memoryOf, onTerminal, pidOf, timeTo } from './replay-terminal.ts'

const ROOT = join(import.meta.dirname, '..')
const MAIN = process.env.MAIN ?? join(ROOT, 'dist/main.js')
const DAY = join(ROOT, 'build/bench/day.db')
const SECONDS = Number(process.env.SECONDS ?? 20)
const SIZE = { columns: 200, rows: 60 }

async function main(): Promise<void> {
  makeDay()
  await open()
  await firstPicture()
  const recording = openRecording(DAY)
  const player = playerOf(recording)
  seeks(recording, player)
  reversePlay(recording, player)
  jumps(recording, player)
  redraw(recording, player)
  redrawHeatmap(recording, player)
  await liveProgram()
  await memory()
  await scrubWhileRecording(recording)
  recording.close()
}

function makeDay(): void {
  if (existsSync(DAY)) return
  mkdirSync(join(ROOT, 'build/bench'), { recursive: true })
  const size = ['--secs', '86400', '--backends', '5', '--routes', '12', '--rps', '110', '--requests', '10']
  execFileSync('node', [MAIN, 'synth', '-o', DAY, '--seed', '1', ...size], { stdio: 'inherit' })
}

/** The picture of a moment as text, and a bare start of Node. Whole processes, in turns. */
async function open(): Promise<void> {
  const bare: number[] = []
  const replay: number[] = []
  for (let round = 0; round < 25; round++) {
    bare.push(await firstByte(['-e', '0']))
    replay.push(await firstByte([MAIN, 'replay', DAY, '--print', '--at', '30%']))
  }
  const times = `${ms(median(replay))}, ${over(median(replay), median(bare))} a bare start of node`
  report('open at 30 % of a day', times, '≤ 2.5×')
}

/** ms to the first byte on stdout, or to the end where there is none */
async function firstByte(args: readonly string[]): Promise<number> {
  const start = performance.now()
  const child = spawn('node', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const seen: number[] = []
  child.stdout.on('data', () => seen.push(performance.now()))
  await new Promise((done) => child.once('close', done))
  return (seen[0] ?? performance.now()) - start
}

/** The same on a pseudo-terminal, where the rest of the day is read after the first picture. */
async function firstPicture(): Promise<void> {
  const bare: number[] = []
  const replay: number[] = []
  for (let round = 0; round < 11; round++) {
    bare.push(await timeTo("node -e 'console.log(6 * 7)'", '42', SIZE))
    replay.push(await timeTo(`node ${MAIN} replay ${DAY}`, 'coverage', SIZE))
  }
  const times = `${ms(median(replay))}, ${over(median(replay), median(bare))} a bare start of node`
  report('first picture on a terminal', times, '≤ 2.5×')
}

interface Player {
  /** everything from the stop to the bytes for the terminal */
  readonly draw: (stop: number, windowSeconds?: number) => number
  /** the same of the heatmap of all traffic */
  readonly drawHeatmap: (stop: number, seconds?: number) => number
}

function playerOf(recording: Recording): Player {
  const stops = new Stops(recording.ticks)
  const moments = new MomentReader(recording)
  const scrubber = scrubberOf(recording, SIZE.columns - 30)
  const heats = new HeatReader(recording)
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
  const paintedLength = (scene: Scene, depth: Depth): number => {
    const text = sceneLines(scene)
      .map((line) => paint(line, depth))
      .join('\n')
    sink.write(text)
    return text.length
  }
  const sceneOf = (stop: number, windowSeconds: number): Scene => ({
    moment: moments.at(stops.at(stop), windowSeconds),
    history: [],
    heat: null,
    host: recording.info.host,
    timeZone: 'UTC',
    withOffset: false,
    tls: [],
    board: BOARD_DEFAULTS,
    view: firstView('rps', '', windowSeconds),
    timeline: startingAt(stop),
    stop: stops.at(stop),
    scrubber,
    markersHere: [],
    isAscii: false,
    can: { live: false, mark: false, command: false },
    size: SIZE,
    details: null,
    empty: '',
  })
  return {
    draw: (stop, windowSeconds = 1) => paintedLength(sceneOf(stop, windowSeconds), 'colour'),
    drawHeatmap: (stop, seconds = 1) => {
      const query = { subject: null, seconds, room: heatRoom(SIZE.columns) }
      const map = heats.read(stops.at(stop), query, () => false)
      const scene = sceneOf(stop, 1)
      const view: View = { ...scene.view, pages: [{ kind: 'board' }, heatPageOf(null)] }
      return paintedLength({ ...scene, view, heat: { map, requests: [], look: 'halves' } }, 'palette')
    },
  }
}

function seeks(recording: Recording, { draw }: Player): void {
  const places = Array.from({ length: 400 }, (_, i) => (i * 7919 * 31) % recording.ticks.length)
  for (const place of places.slice(0, 50)) draw(place)
  const bare = bareReads(places.slice(50))
  for (const [name, windowSeconds] of [
    ['any seek, p95', 1],
    ['  with a window of a minute', 60],
  ] as const) {
    const times = places.slice(50).map((place) => timed(() => draw(place, windowSeconds)))
    const ratio = `${over(median(times), median(bare))} a bare read of its 40 seconds`
    report(name, `${ms(quantile(times, 0.95))}, ${ratio}`, '≤ 50 ms')
  }
}

/** Reads the same rows with one better-sqlite3 statement per table, without using them. */
function bareReads(places: readonly number[]): number[] {
  const database = new Database(DAY, { readonly: true })
  const tables = ['traffic', 'status', 'connection'].map((table) =>
    database.prepare(`SELECT * FROM ${table} WHERE id >= ? AND id < ?`).raw(),
  )
  const first = Number(database.prepare('SELECT min(seq) FROM tick').pluck().get())
  const times = places.map((place) =>
    timed(() =>
      tables.reduce(
        (rows, table) =>
          rows + table.all((first + place - 40) * ROWS_PER_TICK, (first + place) * ROWS_PER_TICK).length,
        0,
      ),
    ),
  )
  database.close()
  return times
}

function reversePlay(recording: Recording, { draw }: Player): void {
  const from = Math.floor(recording.ticks.length / 2)
  const bare = bareReads(Array.from({ length: 100 }, (_, i) => from - i))
  for (const [name, windowSeconds] of [
    ['reverse play', 1],
    ['  with a window of a minute', 60],
  ] as const) {
    const times = Array.from({ length: 600 }, (_, i) => timed(() => draw(from - i, windowSeconds)))
    const perSecond = 1000 / (times.reduce((a, b) => a + b, 0) / times.length)
    const ratio = `${over(median(times), median(bare))} a bare read of 40 seconds`
    report(name, `${perSecond.toFixed(0)} pictures per second, ${ratio}`, '≥ 30')
  }
}

/** From one end to the other without a match: the longest time of a key. */
function jumps(recording: Recording, { draw }: Player): void {
  const stops = new Stops(recording.ticks)
  const bare = timed(bareActivity)
  for (const kind of ['trouble', 'slow', 'gap', 'marker'] as const) {
    const times = Array.from({ length: 9 }, () =>
      timed(() => draw(findJump(kind, -1, stops.last, recording, stops)?.stop ?? stops.last)),
    )
    report(`jump over the day: ${kind}`, `${ms(median(times))}, from key to picture`, '≤ 50 ms')
  }
  const whole = timed(() => {
    let from = 1
    for (;;) {
      const search = searchBackends(1, from, recording)
      let next = search.next()
      while (next.done !== true) next = search.next()
      if (next.value === null) return
      const { seq } = next.value
      from = recording.ticks.findIndex((tick) => tick.seq === seq)
    }
  })
  const ratio = `${over(whole, bare)} a bare read of the activity`
  report('every backend of the day (d)', `${ms(whole)} in slices of 25 ms, ${ratio}`, '')
}

/** The activity by bare better-sqlite3, with as many ticks per statement as the search. */
function bareActivity(): number {
  const database = new Database(DAY, { readonly: true })
  const select = database
    .prepare(
      `SELECT id / ${ROWS_PER_TICK} AS tick, backend, sum(requests) FROM traffic WHERE id >= ? AND id < ? GROUP BY tick, backend`,
    )
    .raw()
  const [first, last] = database.prepare('SELECT min(seq), max(seq) FROM tick').raw().get() as [
    number,
    number,
  ]
  let rows = 0
  for (let tick = first; tick <= last; tick += 512)
    rows += select.all(tick * ROWS_PER_TICK, (tick + 512) * ROWS_PER_TICK).length
  database.close()
  return rows
}

function redraw(recording: Recording, { draw }: Player): void {
  const stop = Math.floor(recording.ticks.length / 3)
  for (let i = 0; i < 200; i++) draw(stop)
  const cpu = process.cpuUsage()
  for (let i = 0; i < 500; i++) draw(stop)
  const { user, system } = process.cpuUsage(cpu)
  report(`one redraw at ${SIZE.columns}×${SIZE.rows}`, `${ms((user + system) / 1000 / 500)} of CPU`, '≤ 2 ms')
  const moments = new MomentReader(recording)
  const moment = moments.at(new Stops(recording.ticks).at(stop), 1)
  const board = timed(() => {
    for (let i = 0; i < 200; i++) leaderboard(moment, BOARD_DEFAULTS)
  })
  report('  of which ranking', ms(board / 200), '')
}

/** What the map adds to a picture; and what the first one costs, all of whose columns are read, against a bare read of so many ticks. */
function redrawHeatmap({ ticks }: Recording, { draw, drawHeatmap }: Player): void {
  const stop = Math.floor(ticks.length / 3)
  const cpuOfOne = (work: () => unknown): number => {
    for (let i = 0; i < 100; i++) work()
    const cpu = process.cpuUsage()
    for (let i = 0; i < 300; i++) work()
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / 1000 / 300
  }
  drawHeatmap(stop)
  const [board, heatmap] = [cpuOfOne(() => draw(stop)), cpuOfOne(() => drawHeatmap(stop))]
  const size = `${SIZE.columns}×${SIZE.rows}`
  report(
    `heatmap, one redraw at ${size}`,
    `${ms(heatmap)} of CPU, ${over(heatmap, board)} the board`,
    '≤ 2 ms',
  )
  const bare = median(bareReads(Array.from({ length: 9 }, (_, i) => 20_000 + 5000 * i)))
  const firsts = Array.from({ length: 9 }, (_, i) => timed(() => drawHeatmap(20_000 + 5000 * i)))
  const ticksRead = heatRoom(SIZE.columns) / 40
  report(
    '  its first picture',
    `${ms(median(firsts))}, ${over(median(firsts), ticksRead * bare)} a bare read of its seconds`,
    '',
  )
}

/** ms until V8 has compiled the code at one tick per second; until then it costs 50 % more. */
const WARM_UP = 120_000

/** The whole program on a terminal, with a fake helper of 200 active routes. */
async function liveProgram(): Promise<void> {
  const helper = `node --import tsx ${join(import.meta.dirname, 'replay-busy.ts')}`
  const child = onTerminal(`node ${MAIN} live --probe '${helper}'`, SIZE)
  child.stdout!.resume()
  await sleep(WARM_UP)
  const pid = pidOf(child)
  const share = async (): Promise<string> => {
    const before = cpuOf(pid)
    await sleep(SECONDS * 1000)
    return `${((cpuOf(pid) - before) / (SECONDS * 10)).toFixed(2)} % of a core`
  }
  report('live at 200 routes, two minutes on', await share(), '≤ 1 %')
  child.stdin!.write('H')
  await sleep(WARM_UP / 4)
  report('  with the heatmap open', await share(), '≤ 1 %')
  await ended(child)
}

/** Sends every kind of key to a player, then what costs most: wide windows and charts, played backwards. */
async function memory(): Promise<void> {
  const child = onTerminal(`node ${MAIN} replay ${DAY}`, SIZE)
  child.stdout!.resume()
  await sleep(1000)
  const press = async (keys: readonly string[], pause: number): Promise<void> => {
    for (const key of keys) {
      child.stdin!.write(key)
      await sleep(pause)
    }
  }
  const pid = pidOf(child)
  const keys = (text: string): string[] => Array.from(text)
  await press([...keys('1234567890Ggs5 \rT\r7t'), '\u001b', '\u001b'], 60)
  await press(keys('eeEEssSxXnN'), 200)
  const browsing = memoryOf(pid).peak
  await press(keys('ddD'), 2500)
  await press(keys('www5+++++R'), 100)
  await sleep(8000)
  await press(keys(' \r3579tTR'), 200)
  await sleep(6000)
  await press([' ', '\u001b'], 200)
  await press(
    Array.from({ length: 120 }, (_, i) => ['\u001b[1;5C', '7', '[', ']', 'w'][i % 5]!),
    40,
  )
  const { now, peak } = memoryOf(pid)
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
  report(
    'memory after all keys',
    `${mb(now)}, ${mb(peak)} at its peak (${mb(browsing)} browsing)`,
    '≤ 150 MB',
  )
  await ended(child)
}

/** A recorder beside a player under constant input: the recorder must not be delayed. */
async function scrubWhileRecording(source: Recording): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
  try {
    const alone = await recordBeside(join(folder, 'alone.db'), source, SECONDS, () => Promise.resolve())
    const beside = await recordBeside(join(folder, 'beside.db'), source, SECONDS, async (file) => {
      const child = onTerminal(`node ${MAIN} replay ${file} --follow`, SIZE)
      child.stdout!.resume()
      for (let i = 0; i < SECONDS * 10; i++) {
        child.stdin!.write('g5R\u001b[1;2CGL'[i % 9] ?? 'e')
        await sleep(80)
      }
      await ended(child)
    })
    report(
      'a commit while someone scrubs',
      `p99 ${ms(quantile(beside.commits, 0.99))} (alone ${ms(quantile(alone.commits, 0.99))}), ${beside.missing} of ${beside.ticks} ticks missing`,
      '0 missing',
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const timed = (work: () => unknown): number => {
  const start = performance.now()
  work()
  return performance.now() - start
}
const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!
const median = (values: readonly number[]): number => quantile(values, 0.5)
const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`
const over = (value: number, base: number): string => `${(value / base).toFixed(2)}×`

const report = (what: string, measured: string, goal: string): void =>
  console.log(`${what.padEnd(32)} ${measured.padEnd(62)} ${goal}`)

await main()
