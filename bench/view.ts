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

const start = report([])
const server = spawn('node', [MAIN, 'view', DAY], { stdio: ['ignore', 'pipe', 'ignore'] })
const [address] = (await once(createInterface(server.stdout), 'line')) as [string]
try {
  const first = await timed(async () => {
    await ask('facts')
    await ask('picture?steps=1500')
  })
  say('first picture of the day', first, start)
  say('the day again', await timed(() => ask('picture?steps=1500')), start)
  for (const [name, seconds] of Object.entries(ZOOMS)) await zoom(name, seconds)
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  console.log(
    `memory of the server, at most: ${Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1000)} MB`,
  )
} finally {
  server.kill()
}

async function zoom(name: string, seconds: number): Promise<void> {
  const range = [NOON - seconds / 2, NOON + seconds / 2] as const
  const query = `picture?steps=1200&from=${range[0]}&to=${range[1]}`
  const alone = report(['--from', String(range[0]), '--to', String(range[1])])
  const cold = await timed(() => ask(query))
  say(`${name}, cold`, cold, alone)
  const began = performance.now()
  while ((await ask(query)).refining) await pause(100)
  const refined = performance.now() - began
  if (refined > 200) console.log(`  finer after ${(refined / 1000).toFixed(1)} s`)
  say(`${name}, warm`, await timed(() => ask(query)), alone)
}

async function ask(path: string): Promise<{ readonly refining?: boolean }> {
  return (await (await fetch(address + path)).json()) as { readonly refining?: boolean }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/** Of the whole command: its start is in it. */
function report(range: readonly string[]): number {
  const began = performance.now()
  execFileSync('node', [MAIN, 'report', DAY, '--format', 'json', ...range], { maxBuffer: 1e8 })
  return performance.now() - began
}

function say(what: string, ms: number, reportMs: number): void {
  console.log(
    `${what}: ${(ms / reportMs).toFixed(2)} of report (${Math.round(ms)} ms, ${Math.round(reportMs)} ms)`,
  )
}
