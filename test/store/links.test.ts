/** A recording is read whole under each of its names: its -wal lies beside the file itself. */
import assert from 'node:assert/strict'
import { linkSync, mkdirSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { openRecording } from '../../src/store/read/reader.ts'
import { markRecording } from '../../src/store/write/mark.ts'
import { runCommand } from '../cli/run-command.ts'
import { Child } from '../torture/child.ts'
import { withFolder, type Folder } from '../torture/kit.ts'
import { note } from './hostile-kit.ts'

const TICKS = 24

/** Names of `d/r.db`: links, chains and hard links. */
function named(folder: Folder): { readonly file: string; readonly names: readonly string[] } {
  const path = (name: string): string => folder.file(name)
  mkdirSync(path('d'))
  mkdirSync(path('e'))
  return {
    file: path('d/r.db'),
    names: ['l.db', 'chain.db', 'e/up.db', 'd/hard.db', 'tohard.db', 'f/r.db'].map(path),
  }
}

function link(folder: Folder): void {
  symlinkSync('d/r.db', folder.file('l.db'))
  symlinkSync('l.db', folder.file('chain.db'))
  symlinkSync('../chain.db', folder.file('e/up.db'))
  linkSync(folder.file('d/r.db'), folder.file('d/hard.db'))
  symlinkSync('d/hard.db', folder.file('tohard.db'))
  symlinkSync('d', folder.file('f'))
}

const ticksOf = (file: string): number => {
  const recording = openRecording(file)
  recording.close()
  return recording.ticks.filter(({ seq }) => recording.frame(seq) !== null).length
}

test('under every name of a recording all of its ticks are there, while it is recorded and after a kill', async () => {
  await withFolder(async (folder) => {
    const { file, names } = named(folder)
    const child = new Child({ file, ticks: 1000, pause: 1, rps: 20 })
    await child.reached(TICKS)
    link(folder)
    // The main file has the ticks up to a checkpoint, the -wal those behind it.
    child.process.kill('SIGSTOP')
    const sizeOf = async (name: string): Promise<string> => {
      const { stdout } = await runCommand(['info', name])
      return /^file .*, (\S+ \S+), format/m.exec(stdout)?.[1] ?? stdout
    }
    const [ticks, size] = [ticksOf(file), await sizeOf(file)]
    assert.ok(ticks >= TICKS)
    for (const name of names) {
      assert.equal(ticksOf(name), ticks, name)
      assert.equal(await sizeOf(name), size, name)
    }
    const killed = child.kill()
    child.process.kill('SIGCONT')
    await killed
    const left = ticksOf(file)
    for (const name of names) assert.equal(ticksOf(name), left, name)
    markRecording(folder.file('d/hard.db'), note)
    assert.equal(ticksOf(file), left)
  })
})

test('a hard link in another folder says that something may lie beside the first name', async () => {
  await withFolder(async (folder) => {
    const { file } = named(folder)
    const child = new Child({ file, ticks: 1000, pause: 1, rps: 20 })
    await child.reached(TICKS)
    await child.kill()
    const other = folder.file('e/hard.db')
    linkSync(file, other)
    const { stdout } = await runCommand(['check', other])
    assert.match(stdout, /has another name, a hard link/)
    const { stdout: own } = await runCommand(['check', file])
    assert.doesNotMatch(own, /another name/)
  })
})
