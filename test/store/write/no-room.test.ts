/** Writes without disk space or rights: an error, and no partial file. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { UserError } from '../../../src/errors.ts'
import { wallMicros } from '../../../src/frame/model/units.ts'
import { writeSynth } from '../../../src/cli/synth.ts'
import { checkRecording } from '../../../src/store/tools/check.ts'
import { cutRecording } from '../../../src/store/tools/cut.ts'
import { markRecording } from '../../../src/store/write/mark.ts'
import { openForReading } from '../../../src/store/file/open.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { repairRecording } from '../../../src/store/tools/repair.ts'
import { appendRecording, createRecording } from '../../../src/store/write/writer.ts'
import { onSmallDisk } from '../../torture/full.ts'
import { silent, withFolder, type Folder } from '../../torture/kit.ts'
import { sampleFrames, writeSample } from '../../torture/sample.ts'
import { inFolder, META } from '../support.ts'

const isRoot = process.getuid?.() === 0
const needsRoot = { skip: isRoot ? false : 'needs root for a small tmpfs and to switch users' }
const START = wallMicros(1_795_356_000_000_000)
const NOTE = { at: START, kind: 'note', text: 'x' } as const

const refusal = (exitCode: number, words: RegExp) => (error: unknown) =>
  error instanceof UserError && error.exitCode === exitCode && words.test(error.message)

async function onFullDisk(use: (disk: string, folder: Folder) => Promise<void>): Promise<void> {
  await withFolder((folder) =>
    onSmallDisk(folder, '512k', async (disk) => {
      await use(disk, folder)
      return ''
    }),
  )
}

test('cut, repair and synth fail without disk space and leave no partial file', needsRoot, () =>
  onFullDisk(async (disk, folder) => {
    const large = folder.file('large.db')
    writeSample(large, { secs: 900, rps: 200 })
    const out = join(disk, 'out.db')
    const noRoom = refusal(4, /no room on the disk for ".*out\.db"/)
    await assert.rejects(repairRecording(large, out, silent), noRoom)
    const source = openRecording(large)
    const request = {
      ranges: [{ from: 0, to: 900 }],
      span: { from: START, to: wallMicros(START + 900e6) },
      keeps: null,
      redact: new Set<never>(),
      maxSize: null,
      out,
    }
    await assert.rejects(cutRecording(source, request, silent), noRoom)
    source.close()
    const plan = { seed: 1, secs: 900, backends: 9, routes: 9, rps: 500, requests: 20, start: START }
    await assert.rejects(
      writeSynth({ ...plan, incidents: [], out, host: 'x', tz: 'UTC' }, silent.signal),
      noRoom,
    )
    assert.deepEqual(readdirSync(disk), [])
  }),
)

test('on a full disk no recording is started and none is marked', needsRoot, () =>
  onFullDisk(async (disk, folder) => {
    const small = join(disk, 'small.db')
    writeSample(folder.file('small.db'), { secs: 20 })
    copyFileSync(folder.file('small.db'), small)
    fill(disk)
    assert.throws(() => createRecording(join(disk, 'new.db'), META), refusal(4, /no room on the disk/))
    const long = { ...NOTE, text: 'x'.repeat(20_000) }
    assert.throws(() => markRecording(small, long), refusal(4, /no room on the disk/))
    assert.deepEqual(readdirSync(disk).sort(), ['ballast', 'small.db'])
    assert.equal((await checkRecording(small, silent)).state, 'whole')
  }),
)

test('without disk space for the end of a recording every tick is kept, with a warning', needsRoot, () =>
  onFullDisk((disk) => {
    const file = join(disk, 'x.db')
    const said: string[] = []
    const sink = createRecording(file, META, { warn: (text) => said.push(text) })
    for (const frame of sampleFrames({ secs: 20, rps: 5 })) sink.append(frame)
    sink.mark({ ...NOTE, text: 'x'.repeat(600_000) })
    sink.close()
    assert.deepEqual(said, ['the disk is full: every tick is kept, but not that this is the end'])
    const recording = openRecording(file)
    assert.equal(recording.ticks.length, 20)
    assert.equal(recording.info.complete, false)
    recording.close()
    return Promise.resolve()
  }),
)

test('a recording in a folder without write permission is neither marked nor continued', needsRoot, () => {
  inFolder((folder) => {
    const file = join(folder, 'x.db')
    writeSample(file, { secs: 5 })
    chownSync(file, 65_534, 65_534)
    chmodSync(folder, 0o755)
    const before = statSync(file).mtimeMs
    process.seteuid?.(65_534)
    try {
      for (const change of [() => markRecording(file, NOTE), () => appendRecording(file, META)])
        assert.throws(change, refusal(2, /the folder of ".*x\.db" may not be written by you/))
    } finally {
      process.seteuid?.(0)
    }
    assert.equal(statSync(file).mtimeMs, before)
  })
})

test(
  'a file system without room for one more file is full, whichever file is the one too many',
  needsRoot,
  () => {
    inFolder((folder) => {
      for (const files of [1, 2]) {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=20m,nr_inodes=${files + 1}`, 'none', folder])
        try {
          const file = join(folder, 'x.db')
          assert.throws(
            () => createRecording(file, META),
            refusal(4, /no room on the disk for ".*x\.db"/),
            `${files}`,
          )
          assert.deepEqual(readdirSync(folder), [])
        } finally {
          execFileSync('umount', [folder])
        }
      }
    })
  },
)

test('a pipe, device or folder is refused at once: opening a pipe would block', () => {
  inFolder((folder) => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    mkdirSync(join(folder, 'folder'))
    for (const open of [openForReading, (file: string) => appendRecording(file, META)]) {
      assert.throws(() => open(pipe), refusal(2, /"[^"]*pipe" is not a file/))
      assert.throws(() => open('/dev/zero'), refusal(2, /"\/dev\/zero" is not a file/))
      assert.throws(() => open(join(folder, 'folder')), refusal(2, /is a folder/))
    }
  })
})

function fill(disk: string): void {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${join(disk, 'ballast')}`, 'bs=1k', 'count=4096'], {
      stdio: 'ignore',
    })
  } catch {
    // dd fails when the disk is full: intended.
  }
}
