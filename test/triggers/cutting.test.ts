/** How dumps are cut in a child of the recorder: what it says, what it lacks, and when it hangs. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { cutDump } from '../../src/cli/dumping/cut-dump.ts'
import { removeOldest, removeParts } from '../../src/cli/dumping/dump-files.ts'
import { micros, wallMicros } from '../../src/frame/model/units.ts'
import { cutInChild, type CutEnd, type CutJob } from '../../src/triggers/cutting.ts'
import { askForDump, listenForDumps } from '../../src/triggers/dump-socket.ts'
import { Dumps, type DumpSettings } from '../../src/triggers/dumps.ts'
import { runCommand } from '../cli/run-command.ts'
import { dumpsIn, infoOf } from './recorder.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-cutting-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let made = 0
const place = (): string => {
  const own = join(folder, String(made++))
  mkdirSync(own)
  return own
}
const needsRoot = process.geteuid?.() !== 0 && 'needs root'

const recording = join(folder, 'a.db')
let whole: CutJob
before(async () => {
  await runCommand(['synth', '-o', recording, '--secs', '20'])
  const { start, end } = await infoOf(recording)
  const [from, to] = [start, end].map((time) => wallMicros(Date.parse(time) * 1000))
  const span = { from: from!, to: to! }
  const asked = micros(to! - from!)
  whole = { recording, into: '', host: 'web1', at: to!, span, asked, keep: 20, minFree: null }
})

const cut = (job: Partial<CutJob>) =>
  cutDump({ ...whole, ...job }, Date.now() + 60_000, new AbortController().signal)
/** Another recording under the name of a dump. */
const dumpAt = (own: string, time: string, number = 1): string => {
  const file = join(own, `web1-${time}Z-${number}.db`)
  copyFileSync(recording, file)
  return file
}

describe('the name of a dump', () => {
  it('is another one where a link to nothing has it, and where one has that of the unfinished file', async () => {
    const own = place()
    const first = await cut({ into: own })
    for (const number of [2, 3]) symlinkSync('/nonexistent', first.file.replace('-1.db', `-${number}.db`))
    const second = await cut({ into: own })
    assert.equal(second.file, first.file.replace('-1.db', '-4.db'))
    const name = `.${second.file.slice(own.length + 1).replace('-4.db', '-5.db')}.part`
    symlinkSync('/nonexistent', join(own, name))
    assert.equal((await cut({ into: own })).ticks, 20)
    assert.deepEqual(
      readdirSync(own).filter((each) => each.endsWith('.part')),
      [name],
    )
  })
})

describe('the oldest dumps', () => {
  it('are counted where they are many, and three are named', async () => {
    const own = place()
    for (let number = 1; number <= 30; number++) {
      if (number === 1) dumpAt(own, '20200101T000000')
      else linkSync(join(own, 'web1-20200101T000000Z-1.db'), join(own, `web1-20200101T000000Z-${number}.db`))
    }
    const { notes } = await cut({ into: own, keep: 1 })
    const text = notes.join('; ')
    assert.match(text, /^the oldest was removed: [^,]*-30\.db, [^,]*-29\.db, [^,]*-28\.db and 27 others$/)
    assert.equal(dumpsIn(own).length, 1)
  })

  it('are no files of others', { skip: needsRoot }, async () => {
    const own = place()
    const [foreign, later] = [dumpAt(own, '20200101T000000'), dumpAt(own, '20990101T000000')]
    for (const file of [foreign, later]) chownSync(file, 65_534, 65_534)
    const older = dumpAt(own, '20200102T000000')
    const { file, notes } = await cut({ into: own, keep: 2 })
    assert.deepEqual(notes, [])
    assert.deepEqual(
      dumpsIn(own).map((name) => join(own, name)),
      [foreign, older, file, later],
    )
  })

  it('that cannot be removed are said, and the dump is there', { skip: needsRoot }, async () => {
    const own = place()
    const file = dumpAt(own, '20200101T000000')
    const { spawnSync } = await import('node:child_process')
    if (spawnSync('chattr', ['+i', file]).status !== 0) return
    try {
      const { removed, problem } = removeOldest(own, 'web1', 1, 'web1-20210101T000000Z-1.db')
      assert.deepEqual(removed, [])
      assert.match(problem!, /20200101T000000Z-1\.db" could not be removed: EPERM/)
    } finally {
      spawnSync('chattr', ['-i', file])
    }
  })

  it('and what is left of unfinished ones stop no dump where they cannot be removed', () => {
    const own = place()
    const part = join(own, '.web1-20200101T000000Z-1.db.part')
    writeFileSync(part, '')
    mkdirSync(`${part}-journal`)
    removeParts(own, 'web1', Date.now() + 60_000)
    assert.deepEqual(readdirSync(own), ['.web1-20200101T000000Z-1.db.part-journal'])
  })
})

const shell = (script: string): string[] => ['/bin/sh', '-c', script]

describe('the child', () => {
  it('may say what cannot be read, or more than is kept: that is a problem, and no bug', async () => {
    for (const script of ['echo "{"', 'echo 1', 'echo null', `head -c 3000000 /dev/zero | tr '\\0' x`]) {
      const end = await cutInChild(shell(script), whole).ended
      assert.match('problem' in end ? end.problem : '', /said nothing that can be read/, script)
    }
  })

  it('may say much', async () => {
    const done = { file: '/a.db', ticks: 1, notes: ['x'.repeat(50_000)] }
    writeFileSync(join(folder, 'done'), JSON.stringify(done))
    assert.deepEqual(await cutInChild(shell(`cat ${join(folder, 'done')}`), whole).ended, done)
  })
})

/** Dumps that a shell makes. */
function dumpsOf(script: string, over: Partial<DumpSettings> = {}) {
  const said: string[] = []
  const ends: CutEnd[] = []
  const dumps = new Dumps({
    ...{ program: shell(script), host: 'web1', into: folder, keep: 1, minFree: null, exec: null },
    recording: () => recording,
    say: (text) => said.push(text),
    ...over,
  })
  const add = (text: string): void => dumps.add({ ...whole, text, answer: (end) => ends.push(end) })
  return { dumps, said, ends, add }
}

describe('--exec', () => {
  it('that cannot be started is said, and the next dump is made', async () => {
    const { said, ends, add } = dumpsOf(`echo '{"file":"b.db","ticks":1,"notes":[]}'`, { exec: 'echo ran' })
    // No argument of a program can hold it.
    add('a\0b')
    add('next')
    while (said.length < 4) await pause(5)
    assert.match(said[1]!, /^--exec "echo ran" did not start: /)
    assert.deepEqual([said[2], said[3]], ['dumped b.db: next', '--exec: ran'])
    assert.equal(ends.length, 2)
  })
})

describe('a cut that hangs', () => {
  it('is ended, and the others are cut', async () => {
    const go = join(folder, 'hung')
    const script = `test -e ${go} || { touch ${go}; exec sleep 100; }; echo '{"file":"b.db","ticks":1,"notes":[]}'`
    const { said, ends, add } = dumpsOf(script, { longest: 300 })
    add('first')
    add('second')
    while (ends.length < 2) await pause(5)
    assert.match(said[0]!, /^not dumped: it took more than 0\.3 s, and was ended \(first\)$/)
    assert.equal(said[1], 'dumped b.db: second')
  })

  it('at the end of the recorder leaves no request without a word', async () => {
    const { dumps, said, ends, add } = dumpsOf('exec sleep 100')
    for (const text of ['first', 'second', 'third']) add(text)
    mock.timers.enable({ apis: ['setTimeout'] })
    const ended = dumps.end()
    mock.timers.tick(60_000)
    mock.timers.reset()
    await ended
    assert.deepEqual(said.slice(2), [
      'not dumped: the recorder has ended (first)',
      'not dumped: the recorder has ended (second)',
      'not dumped: the recorder has ended (third)',
    ])
    assert.equal(ends.length, 3)
  })
})

describe('who asks', () => {
  it('waits for no recorder that is stopped: exit 4', async () => {
    const own = place()
    const file = join(own, 'a.db')
    copyFileSync(recording, file)
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.resume())
    server.listen(`${file}-dump`)
    const connected = new Promise((resolve) => server.once('connection', resolve))
    chmodSync(`${file}-dump`, 0o600)
    mock.timers.enable({ apis: ['setTimeout'] })
    const asked = runCommand(['dump', file])
    await connected
    mock.timers.tick(120_000)
    mock.timers.reset()
    const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), 5000).unref())
    const ran = await Promise.race([asked, late])
    server.close()
    assert.equal(ran?.code, 4, ran?.stderr)
    assert.match(ran.stderr, /a\.db" does not answer: it has said nothing for 120 s: it may be stopped/)
  })

  it('waits as long as the recorder says that it is there', async () => {
    const file = join(place(), 'a.db')
    const done = { file: '/b.db', ticks: 0, notes: [] }
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    try {
      const gives: ((end: CutEnd) => void)[] = []
      const said: string[] = []
      const socket = listenForDumps(
        file,
        (_question, answer) => gives.push(answer),
        (text) => said.push(text),
      )
      const asked = askForDump(file, { last: null })
      while (gives.length === 0) await turn()
      for (let time = 0; time < 600_000; time += 10_000) {
        mock.timers.tick(10_000)
        for (let turns = 0; turns < 20; turns++) await turn()
      }
      gives[0]!(done)
      assert.deepEqual([await asked, said], [done, []])
      socket?.close()
    } finally {
      mock.timers.reset()
    }
  })
})
