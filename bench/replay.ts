/**
 * How fast the player is, over a recording of 24 hours with 2.6 million rows: as ratios to a bare start of Node and to a bare
 * better-sqlite3 read of the same rows, in the same run. SECONDS=20 is how long it scrubs in a file that is being recorded.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { BOARD_DEFAULTS, leaderboard } from '../src/frame/leaderboard.ts'
import type { SecondFrame } from '../src/frame/frame.ts'
import type { Recording } from '../src/frame/recording.ts'
import { addMicros } from '../src/frame/units.ts'
import { MemoryRecording } from '../src/replay/memory.ts'
import { frameOf, START, STORY } from '../test/replay/story.ts'
import { paint } from '../src/render/theme.ts'
import { scrubberOf } from '../src/render/scrubber.ts'
import { Moments } from '../src/replay/moments.ts'
import { sceneLines, type Scene } from '../src/replay/scene.ts'
import { startingAt } from '../src/replay/timeline.ts'
import { Stops } from '../src/replay/stops.ts'
import { firstView } from '../src/replay/view.ts'
import { ROWS } from '../src/store/schema.ts'
import { openRecording } from '../src/store/reader.ts'
import { recordBeside } from './replay-recorder.ts'

const ROOT = join(import.meta.dirname, '..')
const MAIN = process.env.MAIN ?? join(ROOT, 'dist/main.js')
const DAY = join(ROOT, 'build/bench/day.db')
const SECONDS = Number(process.env.SECONDS ?? 20)
const SIZE = { columns: 200, rows: 60 }

async function main(): Promise<void> {
  makeDay()
  await firstPicture()
  const recording = openRecording(DAY)
  const player = playerOf(recording)
  seeks(recording, player)
  reversePlay(recording, player)
  redraw(recording, player)
  live()
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

/** From the command to the first picture on a pseudo-terminal; a bare start of Node goes the same way. */
async function firstPicture(): Promise<void> {
  const bare: number[] = []
  const replay: number[] = []
  for (let round = 0; round < 11; round++) {
    bare.push(await timeTo("node -e 'console.log(6 * 7)'", '42'))
    replay.push(await timeTo(`node ${MAIN} replay ${DAY}`, 'coverage'))
  }
  report(
    'first picture of a day',
    `${ms(median(replay))}, ${over(median(replay), median(bare))} a bare start of node`,
    '≤ 2.5×',
  )
}

async function timeTo(command: string, seen: string): Promise<number> {
  const start = performance.now()
  const child = onTerminal(command)
  let text = ''
  const end = await new Promise<number>((done) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes(seen)) done(performance.now())
    })
  })
  await ended(child)
  return end - start
}

/** `script` makes the pseudo-terminal. */
const onTerminal = (command: string): ChildProcess =>
  spawn('script', ['-qfc', `stty cols ${SIZE.columns} rows ${SIZE.rows}; exec ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, TERM: 'xterm-256color' },
  })

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await exit
}

interface Player {
  /** everything from the stop to the bytes for the terminal */
  readonly draw: (stop: number) => number
}

function playerOf(recording: Recording): Player {
  const stops = new Stops(recording.ticks)
  const moments = new Moments(recording)
  const scrubber = scrubberOf(recording, SIZE.columns - 30)
  const sink = new Writable({ write: (_chunk, _encoding, done) => done() })
  return {
    draw: (stop) => {
      const scene: Scene = {
        moment: moments.at(stops.at(stop), 1),
        history: [],
        host: recording.info.host,
        timeZone: 'UTC',
        board: BOARD_DEFAULTS,
        view: firstView('rps', '', 1),
        timeline: startingAt(stop),
        stop: stops.at(stop),
        scrubber,
        markersHere: [],
        canLive: false,
        size: SIZE,
        details: null,
        empty: '',
      }
      const text = sceneLines(scene)
        .map((line) => paint(line, 'colour'))
        .join('\n')
      sink.write(text)
      return text.length
    },
  }
}

function seeks(recording: Recording, { draw }: Player): void {
  const places = Array.from({ length: 400 }, (_, i) => (i * 7919 * 31) % recording.ticks.length)
  for (const place of places.slice(0, 50)) draw(place)
  const times = places.slice(50).map((place) => timed(() => draw(place)))
  const bare = bareReads(places.slice(50))
  report(
    'any seek, p95',
    `${ms(quantile(times, 0.95))}, ${over(median(times), median(bare))} a bare read of its 40 seconds`,
    '≤ 50 ms',
  )
}

/** The same rows as one statement by better-sqlite3, nothing done with them. */
function bareReads(places: readonly number[]): number[] {
  const database = new Database(DAY, { readonly: true })
  const tables = ['traffic', 'status', 'connection'].map((table) =>
    database.prepare(`SELECT * FROM ${table} WHERE id >= ? AND id < ?`).raw(),
  )
  const first = Number(database.prepare('SELECT min(seq) FROM tick').pluck().get())
  const times = places.map((place) =>
    timed(() =>
      tables.reduce(
        (rows, table) => rows + table.all((first + place - 40) * ROWS, (first + place) * ROWS).length,
        0,
      ),
    ),
  )
  database.close()
  return times
}

function reversePlay(recording: Recording, { draw }: Player): void {
  const from = Math.floor(recording.ticks.length / 2)
  const times = Array.from({ length: 600 }, (_, i) => timed(() => draw(from - i)))
  const perSecond = 1000 / (times.reduce((a, b) => a + b, 0) / times.length)
  report('reverse play', `${perSecond.toFixed(0)} pictures a second`, '≥ 30')
}

function redraw(recording: Recording, { draw }: Player): void {
  const stop = Math.floor(recording.ticks.length / 3)
  for (let i = 0; i < 200; i++) draw(stop)
  const cpu = process.cpuUsage()
  for (let i = 0; i < 500; i++) draw(stop)
  const { user, system } = process.cpuUsage(cpu)
  report(`one redraw at ${SIZE.columns}×${SIZE.rows}`, `${ms((user + system) / 1000 / 500)} of CPU`, '≤ 2 ms')
  const moments = new Moments(recording)
  const moment = moments.at(new Stops(recording.ticks).at(stop), 1)
  const board = timed(() => {
    for (let i = 0; i < 200; i++) leaderboard(moment, BOARD_DEFAULTS)
  })
  report('  of which ranking', ms(board / 200), '')
}

/** What a second of live costs: 200 active routes of 8 backends arrive, are kept and shown. */
function live(): void {
  const recording = new MemoryRecording({ ...STORY, file: 'live' })
  for (let second = 0; second < 120; second++) recording.append(busySecond(second))
  const coming = Array.from({ length: 60 }, (_, i) => busySecond(120 + i))
  const cpu = process.cpuUsage()
  for (const frame of coming) {
    recording.append(frame)
    playerOf(recording).draw(frame.seq)
  }
  const { user, system } = process.cpuUsage(cpu)
  report('live at 200 active routes', `${((user + system) / 60 / 1e4).toFixed(2)} % of a core`, '≤ 1 %')
}

const busySecond = (second: number): SecondFrame =>
  frameOf(
    second,
    addMicros(START, second * 1_000_000),
    Array.from({ length: 200 }, (_, i) => ({
      backend: { id: i % 8, address: `10.0.1.${i % 8}:8080`, netns: 1, name: null },
      route: { id: i, method: 'GET', path: `/api/route/${i}` },
      requests: 5 + ((second * 7 + i) % 9),
      headerMs: 1 + (i % 40),
    })),
  )

/** A player of its own, through which every kind of key goes. */
async function memory(): Promise<void> {
  const child = onTerminal(`node ${MAIN} replay ${DAY}`)
  child.stdout!.resume()
  await sleep(1000)
  for (const key of '1234567890GRe gs5 \rT\r7t\u001bwww'.repeat(6)) {
    child.stdin!.write(key)
    await sleep(40)
  }
  report(
    'memory after looking around',
    `${(peakRss(child.pid!) / 1e6).toFixed(0)} MB at its peak`,
    '≤ 150 MB',
  )
  await ended(child)
}

/** VmHWM of the program under `script`. */
function peakRss(parent: number): number {
  const pid = execFileSync('pgrep', ['-P', String(parent)], { encoding: 'utf8' }).trim()
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

/** A recorder from a capture beside a player that never rests: the recorder must not be late by it. */
async function scrubWhileRecording(source: Recording): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-bench-'))
  try {
    const alone = await recordBeside(join(folder, 'alone.db'), source, SECONDS, () => Promise.resolve())
    const beside = await recordBeside(join(folder, 'beside.db'), source, SECONDS, async (file) => {
      const child = onTerminal(`node ${MAIN} replay ${file} --follow`)
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
