/** A helper without a kernel: feeder.ts TICKS PAUSE FILE prints the wire's lines, with so many ms between two ticks, ends as one, and writes how many ticks there were. */
import { writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { backend, hello, route, snapshot } from '../record/wire-lines.ts'

const [ticks, pause] = process.argv.slice(2, 4).map(Number) as [number, number]
const stop = new AbortController()
process.stdin.on('end', () => stop.abort()).resume()
process.stdout.on('error', () => stop.abort())
const print = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`)

for (const line of [hello, snapshot(0), backend, route(7, '/')]) print(line)
let second = 0
while (second < ticks && !stop.signal.aborted) {
  await setTimeout(pause)
  print(snapshot(++second))
}
print(snapshot(second + 1, { final: true }))
print({ type: 'bye', reason: 'stdin closed' })
writeFileSync(process.argv[4]!, String(second + 1))
process.stdin.destroy()
