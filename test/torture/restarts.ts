/**
 * A restart loop under a unit's command line: SIGKILL every few moments, of the recorder alone or of its children too, also in the middle
 * of a cut. It always records again, and nothing fills the disk.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { dumpsIn, probeOf, Recorder } from '../triggers/recorder.ts'
import { silent, type Folder } from './kit.ts'

const START = Date.parse('2026-11-22T00:00:00Z') * 1000
const KEPT = 3
/** What was left within the last seconds may be another recorder's, and is not touched yet. */
const MOST_PARTS = 12
const RUN_SECS = 600

/** @param rounds kills */
export async function restarts(folder: Folder, rounds: number, random: () => number): Promise<string> {
  const file = folder.file('web.db')
  const into = folder.file('dumps')
  mkdirSync(into)
  const start = (run: number): Recorder =>
    new Recorder([
      ...['--out', file, '--append', '--keep', '24h', '--max-size', '1GB', '--quiet'],
      ...['--on', 'rps > 0 for 3s', '--on', '5xx(*) > 10%', '--on', 'p99 > 1us', '--every', '0s'],
      ...['--into', into, '--dump-keep', String(KEPT), '--exec', 'sleep 5'],
      ...[
        '--probe',
        probeOf({
          secs: RUN_SECS,
          rps: 200,
          pace: 150,
          start: START + run * (RUN_SECS + 60) * 1e6,
          stays: true,
          incidents: [{ kind: '5xx', from: 1, to: RUN_SECS, backend: 1 }],
        }),
      ],
    ])
  let [cutting, parts] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const recorder = start(round)
    await recorder.says(/^recording /m)
    await pause(random() * 3000)
    const children = childrenOf(recorder)
    recorder.kill('SIGKILL')
    // As a service manager kills all of a unit.
    if (random() < 0.5) for (const pid of children) endNow(pid)
    assert.equal(await recorder.ended(), 'SIGKILL', recorder.said)
    const left = readdirSync(into).filter((name) => /^\.web1-.*\.db\.part$/.test(name)).length
    cutting += left > 0 ? 1 : 0
    parts = Math.max(parts, left)
    assert.ok(left <= MOST_PARTS, readdirSync(into).join(' '))
    assert.ok(dumpsIn(into).length <= KEPT + 1, dumpsIn(into).join(' '))
  }
  const last = start(rounds)
  await last.says(/^dumped /m)
  last.kill('SIGTERM')
  assert.equal(await last.ended(), 0, last.said)
  const { state, problems } = await checkRecording(file, silent)
  assert.equal(state, 'whole', problems.join('; '))
  const recording = openRecording(file)
  const runs = recording.gaps.filter(({ reason }) => reason === 'stopped').length
  const { ticks } = recording.info
  recording.close()
  // A run that was killed before its first tick leaves no gap.
  assert.ok(runs >= rounds / 2, `${runs} gaps`)
  assert.deepEqual(
    readdirSync(folder.path).filter((name) => name.includes('damaged')),
    [],
  )
  return `${rounds} × kill -9: recording each time, ${ticks} ticks whole; ${cutting} times a cut was left unfinished, ${parts} at once at most; ${dumpsIn(into).length} dumps`
}

function childrenOf({ process: { pid } }: Recorder): number[] {
  return readFileSync(`/proc/${pid!}/task/${pid!}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
}

/** It is in a process group of its own. */
function endNow(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
