/**
 * A hostile neighbour: SECS=600 node --import tsx test/torture/neighbour.ts. A real nginx is recorded while processes on its host
 * are named nginx, listen, connect, send requests, forge segments and block; every 30 s doctor and a second recorder run beside it.
 * Prints the measurements and each failed check; exits with 1 if a check failed. Needs root.
 */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inside, lacking, sh } from '../kernel/lab/system.ts'
import { attachedTo } from '../kernel/lab/impairments.ts'
import { startAttackers } from './siege/attackers.ts'
import { assertEqualsLog, readCounts, type Counts } from './siege/reconciliation.ts'
import { MAIN, record, run, type Cost, type Ended } from './siege/program.ts'
import { createTestbed, RATE, type Testbed } from './siege/testbed.ts'

/** Limits of the helper: % of a core, MB. */
const MOST_CPU = 1
const MOST_RSS = 50

// A signal must still run the exit handlers: they end most child processes, which hold our end of a pipe as stdin.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const missing = lacking('gcc', 'setpriv', 'mkfifo', 'bpftool')
if (missing === false) await siege(Number(process.env.SECS ?? 600))
else console.log(`siege skipped: ${missing}`)

async function siege(seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-siege-'))
  chmodSync(folder, 0o755)
  const testbed = await createTestbed()
  const { proxy, far } = testbed.cable
  const before = await attachedPrograms(proxy.namespace)
  try {
    const baseline = await recordPhase(
      testbed,
      join(folder, 'calm.db'),
      Math.min(60, Math.max(5, seconds / 5)),
    )
    say('without attackers', baseline)
    const { attacked, runs } = await watchAttacked(testbed, folder, seconds)
    for (const phase of [baseline, attacked]) await assertPhase(phase)
    await check(`${runs.length} commands in between end by themselves`, () => assertEnded(runs))
    await check('nothing is left attached', async () => {
      assert.deepEqual(await attachedPrograms(proxy.namespace), before)
      const left = JSON.parse(await sh('bpftool', 'link', 'list', '-j')) as readonly { id: number }[]
      const ours = [...baseline.links, ...attacked.links]
      assert.ok(ours.length > 0)
      assert.deepEqual(
        left.filter(({ id }) => ours.includes(id)),
        [],
      )
    })
  } finally {
    await testbed.close()
    rmSync(folder, { recursive: true, force: true })
  }
  await check('no started process is left', () => assertNothingRuns(folder, [proxy.namespace, far.namespace]))
}

async function watchAttacked(
  testbed: Testbed,
  folder: string,
  seconds: number,
): Promise<{ readonly attacked: Phase; readonly runs: readonly CommandRun[] }> {
  const attackers = await startAttackers(testbed, folder)
  try {
    for (const what of attackers.lacking) console.log(`  left out: this machine has no ${what}`)
    const commands = runRepeatedly(testbed, folder, Math.min(30, seconds / 3))
    const attacked = await recordPhase(testbed, join(folder, 'attacked.db'), seconds)
    const runs = await commands.end()
    say('attacked', attacked)
    const held = await blockedChildren(testbed.cable.proxy.namespace)
    console.log(`  children of the helper that a file system holds until it answers: ${held}`)
    return { attacked, runs }
  } finally {
    for (const [what, times] of Object.entries(await attackers.stop())) console.log(`  ${what}: ${times}`)
  }
}

// ---- one recording ----

interface Phase {
  readonly file: string
  readonly counts: Counts
  readonly cost: Cost
  readonly links: readonly number[]
  readonly recorder: Ended
}

/** Records the load; recording starts before it and ends after it. */
async function recordPhase(testbed: Testbed, file: string, seconds: number): Promise<Phase> {
  const { length } = testbed.attempts()
  const recorder = await record(testbed.cable.proxy.namespace, file)
  await testbed.load(seconds * 1000, seconds * 800)
  await sleep(1500)
  const ended = await recorder.stop()
  const counts = readCounts(file, testbed.attempts().slice(length))
  return { file, counts, cost: recorder.cost(), links: recorder.links, recorder: ended }
}

async function assertPhase({ file, counts, cost, recorder }: Phase): Promise<void> {
  await check('the recorder ends in order', () => assert.equal(recorder.code, 0, recorder.said))
  await check('the counts are those of nginx’s log', () => assertEqualsLog(counts))
  await check('the recording is whole and its control totals reconcile', async () => {
    const said = await sh(process.execPath, MAIN, 'check', file)
    assert.match(said, /whole/)
    assert.match(said, /the books balance/)
  })
  await check(`the helper takes less than ${MOST_CPU} % of a core`, () =>
    assert.ok(cost.cpu < MOST_CPU, said(cost)),
  )
  await check(`the helper takes less than ${MOST_RSS} MB`, () => assert.ok(cost.rss < MOST_RSS, said(cost)))
}

// ---- repeated runs of doctor and a second recorder ----

interface CommandRun extends Ended {
  readonly what: string
}

function runRepeatedly(
  testbed: Testbed,
  folder: string,
  every: number,
): { end(): Promise<readonly CommandRun[]> } {
  const { namespace } = testbed.cable.proxy
  const runs: CommandRun[] = []
  const over = new AbortController()
  const turns = (async () => {
    for (let i = 0; i === 0 || !over.signal.aborted; i++) {
      const from = performance.now()
      runs.push({ what: 'doctor', ...(await run(namespace, 'doctor')) })
      const short = ['record', '--out', join(folder, `short-${i}.db`), '--secs', '3']
      runs.push({ what: 'record --secs 3', ...(await run(namespace, ...short)) })
      while (!over.signal.aborted && performance.now() - from < every * 1000) await sleep(100)
    }
  })()
  return {
    async end() {
      over.abort()
      await turns
      for (const what of ['doctor', 'record --secs 3']) {
        const took = runs.filter((look) => look.what === what).map((look) => look.seconds)
        const [least, most] = [Math.min(...took), Math.max(...took)]
        console.log(`  ${took.length} × ${what}: ${least.toFixed(1)} to ${most.toFixed(1)} s`)
      }
      return runs
    },
  }
}

function assertEnded(runs: readonly CommandRun[]): void {
  for (const { what, code, said } of runs) assert.equal(code, 0, `${what}: ${said}`)
}

// ---- leftovers ----

/** The programs attached to its interfaces, by bpftool (which does not list tcx everywhere) and by our own query. */
async function attachedPrograms(namespace: string): Promise<unknown> {
  return [
    JSON.parse(await inside(namespace, 'bpftool', 'net', 'list', '-j')),
    await attachedTo(namespace, 'lo'),
    await attachedTo(namespace, 'leg'),
  ]
}

/** Helper children that were killed but still block on a file system that does not answer (state D). */
async function blockedChildren(namespace: string): Promise<number> {
  const pids = (await sh('ip', 'netns', 'pids', namespace)).trim().split('\n')
  return pids.filter(
    (pid) => procFile(pid, 'comm').startsWith('upstreamtop') && procFile(pid, 'stat').includes(') D '),
  ).length
}

/** A file of /proc/PID; empty if the process has ended. */
function procFile(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

async function assertNothingRuns(folder: string, places: readonly string[]): Promise<void> {
  const namespaces = await sh('ip', 'netns', 'list')
  for (const place of places) assert.ok(!namespaces.includes(place), place)
  assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(folder), 'a file system is still mounted')
  assert.equal(await sh('sh', '-c', `ps -eo pid,args | grep '[${folder[0]!}]${folder.slice(1)}' || true`), '')
}

// ---- output ----

function say(when: string, { counts, cost, recorder }: Phase): void {
  const { sum, attempts, ticks, coverage } = counts
  const missed = Object.entries(sum.loss).filter(([, count]) => count > 0)
  const load = loadavg().map((one) => one.toFixed(1))
  console.log(
    `${when}: ${cost.seconds.toFixed(0)} s, ${RATE.toFixed(0)} requests/s to nginx, load of the machine ${load.join(' ')}`,
  )
  console.log(
    `  nginx’s log: ${attempts.length} attempts; recorded: ${sum.totals.requests} requests of ${sum.backends.length} backends in ${ticks} ticks`,
  )
  console.log(
    `  coverage ${(coverage * 100).toFixed(2)} %, loss ${JSON.stringify(Object.fromEntries(missed))}, front door ${sum.excluded.frontDoor}`,
  )
  console.log(`  the helper: ${said(cost)}`)
  const warnings = recorder.said.split('\n').filter((line) => line.includes('warning'))
  for (const warning of warnings) console.log(`  ${warning}`)
}

function said({ cpu, childrenCpu, rss, samples }: Cost): string {
  return `${cpu.toFixed(2)} % of a core (its children ${childrenCpu.toFixed(2)}), at most ${rss.toFixed(1)} MB in ${samples} samples`
}

async function check(what: string, look: () => unknown): Promise<void> {
  try {
    await look()
    console.log(`ok      ${what}`)
  } catch (error) {
    process.exitCode = 1
    console.log(`NOT OK  ${what}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
