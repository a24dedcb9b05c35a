/** Written files have the mode that the umask allows, and are never written through a link of another user. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  createReadStream,
  lchownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { temporaryOf } from '../../src/temporary.ts'
import { inFolder } from '../store/support.ts'
import { runCommand } from './run-command.ts'

const root = join(import.meta.dirname, '../..')
const recording = join(root, 'fixtures/recordings/incident.db')
const capture = join(root, 'fixtures/probe/simulated.ndjson')
const NOBODY = 65_534

/** Kind and mode of everything below the folder. */
const modes = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
    const { mode } = statSync(join(entry.parentPath, entry.name))
    return `${entry.isDirectory() ? 'folder' : entry.name.replace(/.*\./, '')} ${(mode & 0o777).toString(8)}`
  })

for (const [mask, rights] of [
  [0o077, ['db 600', 'folder 700', 'parquet 600', 'txt 600']],
  [0o022, ['db 640', 'folder 755', 'parquet 640', 'txt 644']],
  [0o000, ['db 640', 'folder 777', 'parquet 640', 'txt 666']],
] as const) {
  test(`written files have the mode that umask ${mask.toString(8)} allows, and a recording at most 640`, async () => {
    await inFolder(async (folder) => {
      const before = process.umask(mask)
      try {
        const out = (name: string): string => join(folder, name)
        for (const words of [
          ['record', '--out', out('record.db'), '--probe', `cat ${capture}`],
          ['cut', recording, '--from', '+1s', '--to', '+9s', '-o', out('cut.db')],
          ['repair', recording, '-o', out('repair.db')],
          ['synth', '-o', out('synth.db'), '--secs', '3'],
          ['report', recording, '--out', out('report.txt')],
          ['report', recording, '--parquet', out('lake')],
        ]) {
          const { code, stderr } = await runCommand(words)
          assert.equal(code, 0, stderr)
        }
      } finally {
        process.umask(before)
      }
      assert.deepEqual([...new Set(modes(folder))].sort(), rights)
    })
  })
}

const skip = process.getuid?.() === 0 ? false : 'needs root: a link of another user'

test('root does not write through a link of another user', { skip }, async () => {
  await inFolder(async (folder) => {
    chmodSync(folder, 0o777)
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'as it was')
    const link = join(folder, 'link')
    symlinkSync(victim, link)
    lchownSync(link, NOBODY, NOBODY)
    for (const [words, refusal] of [
      [['report', recording, '--out', link], /"\S+link" is a link that somebody else made/],
      [['assert', recording, 'requests > 0', '--out', link], /somebody else made/],
      [['cut', recording, '-o', link], /exists already and is never overwritten/],
      [['repair', recording, '-o', link], /exists already/],
      [['synth', '-o', link], /exists already/],
    ] as const) {
      const { code, stderr } = await runCommand(words)
      assert.equal(code, 2, words[0])
      assert.match(stderr, refusal)
    }
    assert.equal(readFileSync(victim, 'utf8'), 'as it was')
    assert.ok(lstatSync(link).isSymbolicLink())
    assert.deepEqual(readdirSync(folder).sort(), ['link', 'victim'])
  })
})

test('a read-only file system is called so', { skip }, async () => {
  await inFolder(async (folder) => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder])
    try {
      for (const lake of [folder, join(folder, 'a', 'lake')]) {
        const { code, stderr } = await runCommand(['report', recording, '--parquet', lake])
        assert.equal(code, 4)
        assert.match(stderr, /can't be written: EROFS/)
      }
    } finally {
      execFileSync('umount', [folder])
    }
  })
})

test('a dangling link creates no file elsewhere', { skip }, async () => {
  await inFolder(async (folder) => {
    const elsewhere = join(folder, 'elsewhere')
    symlinkSync(elsewhere, join(folder, 'link'))
    lchownSync(join(folder, 'link'), NOBODY, NOBODY)
    for (const words of [
      ['report', recording, '--out', join(folder, 'link')],
      ['synth', '-o', join(folder, 'link')],
      ['record', '--out', join(folder, 'link'), '--probe', `cat ${capture}`],
    ])
      assert.equal((await runCommand(words)).code, 2, words[0])
    assert.deepEqual(readdirSync(folder), ['link'])
  })
})

test('a named pipe can be the output', async () => {
  await inFolder(async (folder) => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const read = text(createReadStream(pipe))
    assert.equal((await runCommand(['report', recording, '--out', pipe])).code, 0)
    assert.equal(await read, (await runCommand(['report', recording])).stdout)
    assert.ok(lstatSync(pipe).isFIFO())
  })
})

test('what a killed run has left of --out is removed by the next, and nothing else', async () => {
  await inFolder(async (folder) => {
    const out = join(folder, 'report.txt')
    const dead = spawnSync(process.execPath, ['--version']).pid
    const ours = basename(temporaryOf(out)).replace(/-\d+[.]tmp$/, '')
    const names = {
      stale: [`${ours}-${dead}.tmp`, `.report.txt.${dead}.tmp`],
      kept: [
        `${ours}-${process.ppid}.tmp`,
        `.other.txt.${dead}.tmp`,
        `.report.txt.notes`,
        'report.txt.1.tmp',
      ],
    }
    for (const name of [...names.stale, ...names.kept]) writeFileSync(join(folder, name), 'half')
    assert.equal((await runCommand(['report', recording, '--out', out])).code, 0)
    assert.deepEqual(readdirSync(folder).sort(), [...names.kept, 'report.txt'].sort())
  })
})

test('a name may have all the bytes that a file system allows', async () => {
  await inFolder(async (folder) => {
    const out = join(folder, `${'ä'.repeat(125)}.txt`)
    const { code, stderr } = await runCommand(['report', recording, '--out', out])
    assert.equal(code, 0, stderr)
    assert.deepEqual(readdirSync(folder), [basename(out)])
  })
})

test('an address is no file and no folder: every output refuses it, and nothing is made', async () => {
  await inFolder(async (folder) => {
    const before = process.cwd()
    process.chdir(folder)
    try {
      for (const args of [
        ['report', recording, '--parquet', 's3://bucket/lake'],
        ['report', recording, '--ndjson-tables', 's3://bucket/lake'],
        ['report', recording, '--out', 'https://host/report.txt'],
        ['cut', recording, '-o', 'gs://bucket/x.db'],
        ['repair', recording, '-o', 'file:///tmp/x.db'],
        ['synth', '-o', 's3://bucket/x.db'],
        ['record', '--out', 's3://bucket/x.db', '--probe', 'true'],
      ]) {
        const { code, stderr } = await runCommand(args)
        assert.equal(code, 2, args.join(' '))
        assert.match(stderr, /:\/\/.*" is an address.*\n.*copy that/)
      }
      assert.deepEqual(readdirSync(folder), [])
    } finally {
      process.chdir(before)
    }
  })
})
