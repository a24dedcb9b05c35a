/** Where a recording lies: behind links, moved or removed while it grows, on a volume that two pid namespaces share. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { checkRecording } from '../../src/store/tools/check.ts'
import { openRecording } from '../../src/store/read/reader.ts'
import { Child } from './child.ts'
import { silent, type Folder } from './kit.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const FEEDER = fileURLToPath(new URL('feeder.ts', import.meta.url))

/** Chains of links to a recording whose recorder was killed: what is only in its -wal is read through each of them. */
export async function links(folder: Folder, rounds: number, random: () => number): Promise<string> {
  let read = 0
  for (let round = 0; round < rounds; round++) {
    const home = folder.file(`home-${round}`)
    mkdirSync(home)
    const file = join(home, 'r.db')
    const child = new Child({ file, ticks: 100_000, pause: 1, rps: 200 })
    await child.reached(Math.floor(random() * 60))
    await child.kill()
    const direct = ticksOf(file)
    const chain: string[] = []
    for (let n = 0; n <= Math.floor(random() * 4); n++) {
      const link = folder.file(`link-${round}-${n}`)
      const target = chain.at(-1) ?? (random() < 0.5 ? file : linkedFolder(folder, home, round))
      symlinkSync(random() < 0.5 ? target : relative(dirname(link), target), link)
      chain.push(link)
    }
    for (const link of chain) {
      assert.equal(ticksOf(link), direct, `round ${round}: ${link}`)
      read++
    }
  }
  return `${rounds} killed recordings through ${read} links: each tick that is there by its own name`
}

/** The recording by way of a link to its folder. */
function linkedFolder(folder: Folder, home: string, round: number): string {
  const link = folder.file(`folder-${round}`)
  symlinkSync(basename(home), link)
  return join(link, 'r.db')
}

/** Moved while it is recorded, as by a rotation: the ticks of both files are all there are. */
export async function moved(folder: Folder, rounds: number, random: () => number): Promise<string> {
  let most = 0
  for (let round = 0; round < rounds; round++) {
    const home = folder.file(`moved-${round}`)
    mkdirSync(home)
    const file = join(home, 'r.db')
    const recorder = record(file, 400, 20)
    const times = 1 + Math.floor(random() * 3)
    for (let n = 0; n < times; n++) {
      await existing(file)
      await setTimeout(200 + random() * 1500)
      renameSync(file, join(home, `moved-${n}.db`))
    }
    await existing(file)
    await setTimeout(300)
    recorder.process.kill('SIGINT')
    await recorder.ended
    const files = readdirSync(home).filter((name) => name.endsWith('.db'))
    assert.equal(files.length, times + 1, `round ${round}: ${files.join(' ')}; ${recorder.stderr()}`)
    let ticks = 0
    for (const name of files) {
      const verdict = await checkRecording(join(home, name), silent)
      assert.equal(verdict.state, 'whole', `round ${round}: ${name}: ${verdict.problems.join('; ')}`)
      ticks += verdict.ticks
    }
    assert.equal(ticks, Number(readFileSync(`${file}.fed`, 'utf8')), `round ${round}: ${recorder.stderr()}`)
    most = Math.max(most, files.length)
  }
  return `${rounds} recordings moved away up to ${most - 1} times while they grew: each file whole, no tick lost`
}

/** Two recorders in pid namespaces of their own, one file: one of them records, the other says why not. */
export async function namespaces(folder: Folder, rounds: number, random: () => number): Promise<string> {
  for (let round = 0; round < rounds; round++) {
    const file = folder.file(`shared-${round}.db`)
    const both = [record(file, 200, 20, true), record(file, 200, 20, true)]
    await setTimeout(random() * 500)
    await Promise.race(both.map(({ ended }) => ended))
    const running = both.filter(({ process: { exitCode } }) => exitCode === null)
    assert.equal(running.length, 1, both.map(({ stderr }) => stderr()).join('\n'))
    const refused = both.find((each) => !running.includes(each))!
    assert.equal(refused.process.exitCode, 2, refused.stderr())
    await running[0]!.ended
    assert.equal(running[0]!.process.exitCode, 0, running[0]!.stderr())
    const verdict = await checkRecording(file, silent)
    assert.equal(verdict.state, 'whole', verdict.problems.join('; '))
    folder.remove(file)
  }
  return `${rounds} × two recorders in two pid namespaces: one of them recorded, the file is whole`
}

function ticksOf(file: string): number {
  const recording = openRecording(file)
  recording.close()
  return recording.ticks.length
}

interface Recorder {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  readonly stderr: () => string
}

function record(file: string, ticks: number, pause: number, own = false): Recorder {
  const probe = `${process.execPath} --import tsx ${FEEDER} ${ticks} ${pause} ${file}.fed`
  const command = [process.execPath, PROGRAM, 'record', '--append', '--out', file, '--probe', probe]
  const [program = '', ...args] = own ? ['unshare', '-pf', '--mount-proc', ...command] : command
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
  return { process: child, ended: once(child, 'exit'), stderr: () => text }
}

async function existing(file: string): Promise<void> {
  for (let n = 0; n < 200; n++) {
    if (readdirSync(dirname(file)).includes(basename(file))) return
    await setTimeout(50)
  }
  assert.fail(`${file} was not begun anew within 10 s`)
}
