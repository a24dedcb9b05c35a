/** A summary of a day: by us from the rollups, by DuckDB from our Parquet, by GoAccess from an access log. */
import { createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createHash } from 'node:crypto'
import { openRecording } from '../../src/store/read/reader.ts'
import { bestOf, costOf, shown } from './measure.ts'

export async function benchDay(main: string, day: string): Promise<void> {
  const folder = dirname(day)
  const lake = join(folder, 'lake')
  console.log('\na day of traffic')
  const out = join(folder, 'day.json')
  const digests = new Set<string>()
  const ours = bestOf(5, () => {
    const cost = costOf('node', [main, 'report', day, '--format', 'json', '--out', out])
    digests.add(createHash('sha256').update(readFileSync(out)).digest('hex'))
    return cost
  })
  console.log(
    `report             ${shown(ours)}; ${digests.size === 1 ? 'the same bytes each time' : 'DIFFERENT BYTES'}`,
  )
  if (!existsSync(lake)) {
    const exported = costOf('node', [main, 'report', day, '--parquet', lake])
    console.log(`report --parquet   ${shown(exported)}`)
  }
  const duck = bestOf(3, () =>
    costOf('node', ['--import', 'tsx', join(import.meta.dirname, 'duckdb-query.ts'), lake]),
  )
  console.log(
    `DuckDB on Parquet  ${shown(duck)}: report takes ${(ours.seconds / duck.seconds).toFixed(2)} of its time`,
  )
  await goaccess(day, join(folder, 'access.log'), ours.seconds)
}

async function goaccess(day: string, log: string, ours: number): Promise<void> {
  try {
    costOf('goaccess', ['--version'])
  } catch {
    console.log('GoAccess           not installed: apt-get install goaccess')
    return
  }
  if (!existsSync(log)) await writeAccessLog(day, log)
  const format = [
    '--log-format=%h %^[%d:%t %^] "%r" %s %b %T',
    '--date-format=%d/%b/%Y',
    '--time-format=%H:%M:%S',
  ]
  const page = join(dirname(log), 'goaccess.json')
  const cost = costOf('goaccess', [log, ...format, '--no-global-config', '--no-progress', '-o', page])
  rmSync(page)
  console.log(
    `GoAccess           ${shown(cost)}: report takes ${(ours / cost.seconds).toFixed(3)} of its time`,
  )
}

/** One line per request, as nginx would write it with $upstream_addr in front. */
async function writeAccessLog(day: string, log: string): Promise<void> {
  const recording = openRecording(day)
  const stream = createWriteStream(log)
  for (const { seq, start } of recording.ticks) {
    const date = new Date(start / 1000).toUTCString()
    const [, , dayOf, month, year, time] = /(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(date) ?? []
    let text = ''
    for (const { backend, route, codes, header } of recording.frame(seq)?.traffic ?? []) {
      const seconds = (header.sum / Math.max(1, header.count) / 1e6).toFixed(3)
      for (let i = 0; i < codes.length; i += 2) {
        const line = `${backend.address.split(':')[0]} - - [${dayOf}/${month}/${year}:${time} +0000] "${route.method} ${route.path} HTTP/1.1" ${codes[i]} 512 ${seconds}\n`
        text += line.repeat(codes[i + 1]!)
      }
    }
    if (!stream.write(text)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'close')
  recording.close()
}
