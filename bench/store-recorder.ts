/** The whole recorder at 200 and at 2,000 active routes per second in real time, beside an idle node. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const WIRE = fileURLToPath(new URL('store-wire.ts', import.meta.url))
/** USER_HZ of Linux on all usual machines. */
const TICKS_PER_SECOND = 100
const WARM_UP = 15

/** CPU time of the recorder's process, without the helper that feeds it. */
export async function recorderCost(folder: string, seconds: number): Promise<void> {
  const idle = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const recorders = [200, 2000].map((routes) => ({
    routes,
    child: record(folder, routes, seconds + WARM_UP + 10),
  }))
  try {
    await setTimeout(WARM_UP * 1000)
    const before = [idle, ...recorders.map(({ child }) => child)].map(cpuSeconds)
    await setTimeout(seconds * 1000)
    const percents = [idle, ...recorders.map(({ child }) => child)].map(
      (child, i) => ((cpuSeconds(child) - before[i]!) / seconds) * 100,
    )
    console.log(`  an idle node: ${percents[0]!.toFixed(2)} % of a core, RSS ${rss(idle)} MB`)
    recorders.forEach(({ routes, child }, i) => {
      console.log(
        `  ${routes} routes per second for ${seconds} s: ${percents[i + 1]!.toFixed(2)} % of a core (goal ${routes === 200 ? 1 : 4}), RSS ${rss(child)} MB${routes === 200 ? ' (goal 100)' : ''}`,
      )
    })
  } finally {
    for (const child of [idle, ...recorders.map((recorder) => recorder.child)]) child.kill('SIGINT')
    for (const { child } of recorders) if (child.exitCode === null) await once(child, 'exit')
  }
}

/** A day of ticks at 200 routes at full speed: memory and file size, every two hours. */
export async function recorderDay(folder: string, seconds: number): Promise<void> {
  const progress = join(folder, 'progress')
  const file = join(folder, 'day.db')
  const child = record(folder, 200, seconds, progress, ['--keep', '1h'])
  let said = ''
  console.log('    hour   RSS MB   file MB   CPU s')
  while (child.exitCode === null && child.signalCode === null) {
    await setTimeout(50)
    const hours = existsSync(progress) ? readFileSync(progress, 'utf8').trim() : ''
    if (hours === said) continue
    said = hours
    const hour = hours.split('\n').at(-1)!
    console.log(
      `    ${hour.padStart(4)} ${rss(child).padStart(8)} ${megabytes(file).padStart(9)} ${cpuSeconds(child).toFixed(0).padStart(7)}`,
    )
  }
  console.log(`    end: file ${megabytes(file)} MB, exit code ${child.exitCode}`)
  rmSync(file)
}

function record(
  folder: string,
  routes: number,
  seconds: number,
  progress = '',
  options: readonly string[] = [],
): ChildProcess {
  const file = join(folder, progress === '' ? `recorded-${routes}.db` : 'day.db')
  const probe = `exec ${process.execPath} --import tsx ${WIRE} ${routes} ${seconds} ${progress}`
  return spawn(process.execPath, [MAIN, 'record', '--out', file, '--probe', probe, ...options], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
}

/** User and system time: fields 14 and 15. */
function cpuSeconds({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

const rss = ({ pid }: ChildProcess): string =>
  (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000).toFixed(0)

const megabytes = (file: string): string =>
  ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) / 1e6).toFixed(1)
