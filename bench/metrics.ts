/**
 * node --import tsx bench/metrics.ts
 *
 * The cost of the metrics, as ratios within one run:
 *   a tick       adding a frame to the counts behind the page, against summing it as reports do (RunningSum)
 *   a page       made of all series, against copying its bytes; its size
 *   100 scrapes  of one tick, of which one makes the page, against one scrape
 * CPU time, medians; other load has little effect.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { SecondFrame } from '../src/frame/model/frame.ts'
import { RunningSum } from '../src/frame/sum/running-sum.ts'
import { spanOfFrame } from '../src/frame/model/span.ts'
import { pageBytes } from '../src/metrics/page.ts'
import { serveMetrics } from '../src/metrics/server.ts'
import { Totals } from '../src/metrics/totals.ts'
import { benchFrames } from './store-frames.ts'

const BUILD = { version: 'bench', kernel: '6.18' }
const ROUNDS = 15

for (const [rows, byRoute] of [
  [200, false],
  [200, true],
  [2000, true],
] as const) {
  const frames = [...benchFrames({ ticks: 6, rows, requests: 5, ring: 0 })]
  const totals = new Totals(BUILD, { byRoute, most: 4000 })
  const running = new RunningSum()
  let next = 0
  const frame = (): SecondFrame => frames[next++ % frames.length]!
  for (let i = 0; i < 30; i++) {
    totals.add(frame())
    running.add(spanOfFrame(frame()))
  }
  const tick = median(() => totals.add(frame()))
  const summed = median(() => running.add(spanOfFrame(frame())))
  const page = (): Buffer => pageBytes(totals, 'openmetrics')
  const bytes = page()
  const made = median(page)
  const copied = median(() => Buffer.from(bytes))
  console.log(
    `${rows} rows${byRoute ? ' by route' : ''}: ${totals.series.length} sets of labels, ${(bytes.length / 1e6).toFixed(1)} MB; tick ${ms(tick)}, ${(tick / summed).toFixed(2)} of a sum; page ${ms(made)}, ${(made / copied).toFixed(0)} copies`,
  )
  if (bytes.length < 10e6) await scrapes(totals, frame)
}

async function scrapes(totals: Totals, frame: () => SecondFrame): Promise<void> {
  const server = await serveMetrics({ host: '127.0.0.1', port: 0 }, '')
  server.show(totals)
  /** The reader is a process of its own: this one is the recorder. */
  const second = async (count: number): Promise<number> => {
    totals.add(frame())
    const read = `for (let i = 0; i < ${count}; i++) await (await fetch('${server.url}')).arrayBuffer()`
    const reader = spawn(process.execPath, ['--input-type=module', '-e', read], { stdio: 'inherit' })
    const before = process.cpuUsage()
    await once(reader, 'exit')
    const { user, system } = process.cpuUsage(before)
    return user + system
  }
  const costs = { none: [] as number[], one: [] as number[], hundred: [] as number[] }
  for (let i = 0; i < 5; i++) {
    costs.none.push(await second(0))
    costs.one.push(await second(1))
    costs.hundred.push(await second(100))
  }
  const none = middle(costs.none)
  const [one, hundred] = [middle(costs.one) - none, middle(costs.hundred) - none]
  console.log(
    `  100 scrapes of a tick: ${ms(hundred)} of CPU, ${(hundred / one).toFixed(1)} times as much as one`,
  )
  server.close()
}

/** µs of CPU */
function median(work: () => unknown): number {
  const costs: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    costs.push(user + system)
  }
  return middle(costs)
}

function middle(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}
function ms(micros: number): string {
  return `${(micros / 1000).toFixed(1)} ms`
}
