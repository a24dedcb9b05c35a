/**
 * The cost of view with a recording of 24 hours and 2.6 million rows (that of bench/report.ts), relative to report of the same range in the
 * same run: the first picture, zooms that nobody has asked for before (cold) and again (warm), single seconds when they are ready, and the
 * server's memory. MAIN=dist/main.js
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '..')
const MAIN = process.env.MAIN ?? join(ROOT, 'dist/main.js')
const DAY = join(ROOT, 'build/bench/day.db')
const NOON = Date.parse('2026-11-23T00:00:00Z') / 1000
const ZOOMS = { '12 h': 43_200, '2 h': 7200, '15 min': 900, '1 min': 60 } as const

if (!existsSync(DAY)) {
  mkdirSync(join(ROOT, 'build/bench'), { recursive: true })
  const size = ['--secs', '86400', '--backends', '5', '--routes', '12', '--rps', '110', '--requests', '10']
  execFileSync('node', [MAIN, 'synth', '-o', DAY, '--seed', '1', ...size], { stdio: 'inherit' })
}

/** Of the command, before it reads. */
const START = median([1, 2, 3, 4, 5].map(() => report(['--from', String(NOON), '--to', String(NOON + 1)])))
const whole = report([]) - START
const server = spawn('node', [MAIN, 'view', DAY], { stdio: ['ignore', 'pipe', 'ignore'] })
const [address] = (await once(createInterface(server.stdout), 'line')) as [string]
try {
  const first = await timed(async () => {
    await ask('facts')
    await ask('picture?steps=1500')
  })
  say('first picture of the day', first, whole)
  say('the day again', await timed(() => ask('picture?steps=1500')), whole)
  for (const [name, seconds] of Object.entries(ZOOMS)) await zoom(name, seconds)
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  console.log(
    `memory of the server, at most: ${Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1000)} MB`,
  )
} finally {
  server.kill()
}

/** Cold: five places that nobody has asked for, though cells of them may be kept; warm: one place again and again. Medians. */
async function zoom(name: string, seconds: number): Promise<void> {
  const rangeAt = (shift: number): readonly [number, number] => [
    NOON - seconds / 2 + shift,
    NOON + seconds / 2 + shift,
  ]
  const query = (shift: number): string =>
    `picture?steps=1200&from=${rangeAt(shift)[0]}&to=${rangeAt(shift)[1]}`
  const [from, to] = rangeAt(0)
  const read = median(
    Array.from({ length: 3 }, () => report(['--from', String(from), '--to', String(to)]) - START),
  )
  const cold: number[] = []
  for (const shift of [0, 1, 2, 3, 4].map((i) => i * Math.min(seconds, 8000)))
    cold.push(await timed(() => ask(query(shift))))
  say(`${name}, cold`, median(cold), read)
  const began = performance.now()
  while ((await ask(query(0))).refining) await pause(100)
  const refined = performance.now() - began
  if (refined > 200) console.log(`  finer after ${(refined / 1000).toFixed(1)} s`)
  const warm: number[] = []
  for (let i = 0; i < 9; i++) warm.push(await timed(() => ask(query(0))))
  say(`${name}, warm`, median(warm), read)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

async function ask(path: string): Promise<{ readonly refining?: boolean }> {
  return (await (await fetch(address + path)).json()) as { readonly refining?: boolean }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** Of the whole command. */
function report(range: readonly string[]): number {
  const began = performance.now()
  execFileSync('node', [MAIN, 'report', DAY, '--format', 'json', ...range], { maxBuffer: 1e8 })
  return performance.now() - began
}

/** Where other work on the machine hides what was read, no ratio is said. */
function say(what: string, ms: number, readMs: number): void {
  const ratio = readMs <= 0 ? '–' : (ms / readMs).toFixed(2)
  console.log(`${what}: ${ratio} of report's read (${Math.round(ms)} ms, ${Math.round(readMs)} ms)`)
}
