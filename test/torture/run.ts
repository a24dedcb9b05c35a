/**
 * The torture tests: node --import tsx test/torture/run.ts [part…] [--rounds N] [--seed N]. They take minutes; `week` and
 * `month`, the last ones, take most of an hour each. The tests run a few rounds of each part except `month`. Exits with 1 at the first failed
 * check.
 */
import { parseArgs } from 'node:util'
import { Random } from '../../src/simulate/synth-random.ts'
import { bounds, keep } from './bounds.ts'
import { copyLoop } from './copy.ts'
import { flips, holes, truncation } from './damage.ts'
import { fullDisk, minFree } from './full.ts'
import { killLoop } from './kill.ts'
import { withFolder, type Folder } from './kit.ts'
import { month } from './month.ts'
import { links, moved, namespaces } from './places.ts'
import { readers } from './readers.ts'
import { restarts } from './restarts.ts'
import { steps } from './steps.ts'
import { week } from './week.ts'

type Part = (folder: Folder, rounds: number, random: () => number) => Promise<string>

const PARTS: Readonly<Record<string, { readonly run: Part; readonly rounds: number }>> = {
  kill: { run: killLoop, rounds: 200 },
  copy: { run: copyLoop, rounds: 100 },
  truncate: { run: truncation, rounds: 10_000 },
  holes: { run: holes, rounds: 200 },
  full: { run: fullDisk, rounds: 1 },
  'min-free': { run: minFree, rounds: 1 },
  readers: { run: readers, rounds: 500 },
  keep: { run: keep, rounds: 3_000 },
  steps: { run: steps, rounds: 100 },
  bounds: { run: bounds, rounds: 20_000 },
  links: { run: links, rounds: 50 },
  moved: { run: moved, rounds: 20 },
  namespaces: { run: namespaces, rounds: 10 },
  flips: { run: flips, rounds: 500 },
  restarts: { run: restarts, rounds: 200 },
  week: { run: week, rounds: 7 * 86_400 },
  month: { run: month, rounds: 30 * 86_400 },
}

const NEED_ROOT: ReadonlySet<string> = new Set(['full', 'min-free', 'namespaces'])

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' }, seed: { type: 'string', default: '1' } },
})
const random = new Random(Number(values.seed))
for (const [name, { run, rounds }] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  if (NEED_ROOT.has(name) && process.getuid?.() !== 0) {
    console.log(`${name.padEnd(10)} skipped: needs root`)
    continue
  }
  const asked = values.rounds === undefined ? rounds : Number(values.rounds)
  const started = performance.now()
  const said = await withFolder((folder) => run(folder, asked, () => random.next()))
  console.log(
    `${name.padEnd(10)} ${said} (${((performance.now() - started) / 1000).toFixed(0)} s, seed ${values.seed})`,
  )
}
