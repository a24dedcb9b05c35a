/** What `make tarball` packs, and that npm installs a program of it that replays, reports and records. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { makeNamespace, removeNamespace } from '../kernel/lab/network.ts'
import { lacking, sh } from '../kernel/lab/system.ts'

const root = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const tarball = join(root, `upstreamtop-${version}.tgz`)
const recording = join(root, 'fixtures/recordings/incident.db')
const NATIVE = 'better-sqlite3/build/Release/better_sqlite3.node'
const NOBODY = 65_534

const skip = existsSync(tarball) ? false : `needs ${tarball}: make tarball`

describe('the tarball', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-tarball-'))
  chmodSync(folder, 0o755)
  after(() => rmSync(folder, { recursive: true }))
  const prefix = join(folder, 'prefix')
  const installed = join(prefix, 'lib/node_modules/upstreamtop')
  const program = join(prefix, 'bin/upstreamtop')
  const run = (...args: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 })

  before(() => {
    // Without its scripts, since fetching or compiling the native part takes minutes: make test-install.
    const npm = ['--prefix', prefix, '--ignore-scripts', '--no-audit', '--no-fund']
    execFileSync('npm', ['install', '--global', ...npm, tarball], { stdio: 'ignore', cwd: folder })
  })

  test('holds what an installation needs, and nothing else', () => {
    const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
    const files = listed.map((name) => name.replace(/^package\//, ''))
    const isLoaded = (name: string): boolean => name.startsWith('dist/')
    assert.deepEqual(
      files.filter((name) => !isLoaded(name)).sort(),
      [
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'SECURITY.md',
        'build/upstreamtop-capture.wasm',
        'build/upstreamtop-probe-linux-arm64',
        'build/upstreamtop-probe-linux-x64',
        ...committed('contrib').filter((name) => !name.startsWith('contrib/debian/')),
        ...committed('docs').filter((name) => /^docs\/[^/]*\.(md|sql)$/.test(name)),
        'man/upstreamtop.1',
        'package.json',
      ].sort(),
    )
    assert.deepEqual(
      files.filter(isLoaded).sort(),
      [
        ...['main', 'export-thread', 'capture-thread'].reduce(
          (loaded, entry) => loadedFrom(installed, `dist/${entry}.js`, loaded),
          new Set<string>(),
        ),
        'dist/report/page/page.js',
      ].sort(),
      'dist is what the program loads',
    )
  })

  test('has a helper for each architecture that needs no library, and may be executed', () => {
    for (const [architecture, machine] of [
      ['x64', 'X86-64'],
      ['arm64', 'AArch64'],
    ]) {
      const helper = join(installed, `build/upstreamtop-probe-linux-${architecture}`)
      const header = execFileSync('readelf', ['-hlW', helper], { encoding: 'utf8' })
      assert.match(header, new RegExp(`Machine: .*${machine}`))
      assert.doesNotMatch(header, /INTERP/)
      execFileSync('test', ['-x', helper])
    }
  })

  test('says in a sentence that the native part of better-sqlite3 is missing, and what to do', () => {
    const isSaid = (): void => {
      for (const command of [
        ['replay', recording, '--print'],
        ['report', recording],
        ['check', recording],
        ['record', '--out', join(folder, 'none.db'), '--probe', 'true'],
      ]) {
        const { status, stderr } = run(...command)
        assert.equal(status, 4, `${command.join(' ')}: ${stderr}`)
        assert.match(
          stderr,
          /^upstreamtop: better-sqlite3, which reads and writes recordings, has no native part here for node "v.*" on ".*"\n {2}npm .*'apt install g\+\+ make python3'; then install upstreamtop again\n$/,
        )
      }
      assert.equal(run('--version').stdout, `${version}\n`)
    }
    isSaid()
    // What npm leaves of an optional package that it could not build.
    const [there, elsewhere] = [join(installed, 'node_modules/better-sqlite3'), join(folder, 'elsewhere')]
    cpSync(there, elsewhere, { recursive: true })
    rmSync(there, { recursive: true })
    isSaid()
    cpSync(elsewhere, there, { recursive: true })
  })

  test('installed by npm it replays and reports, and has its manual', () => {
    cpSync(join(root, 'node_modules', NATIVE), join(installed, 'node_modules', NATIVE))
    for (const command of [
      ['replay', recording, '--print', '--at', '50%'],
      ['report', recording],
      ['report', recording, '--format', 'html'],
      ['report', recording, '--parquet', join(folder, 'parquet')],
    ]) {
      const { status, stdout, stderr } = run(...command)
      assert.equal(status, 0, stderr)
      rmSync(join(folder, 'parquet'), { recursive: true, force: true })
      assert.equal(
        stdout,
        execFileSync(process.execPath, [join(root, 'dist/main.js'), ...command], { encoding: 'utf8' }),
      )
    }
    assert.match(readFileSync(join(prefix, 'share/man/man1/upstreamtop.1'), 'utf8'), /^\.TH "?UPSTREAMTOP/im)
  })

  describe('as root', { skip: lacking() }, () => {
    let namespace: string
    before(async () => {
      namespace = await makeNamespace('t')
    })
    after(() => removeNamespace(namespace))

    test('records what the backends have seen', async () => {
      const [file, ledger] = [join(folder, 'recorded.db'), join(folder, 'ledger.json')]
      const recorder = spawn('ip', ['netns', 'exec', namespace, program, 'record', '--out', file], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, SUDO_UID: '' },
      })
      const said = text(recorder.stderr)
      const ended = once(recorder, 'exit')
      await once(recorder.stderr, 'data')
      const simulate = ['simulate', '--workers', '8', '--duration', '3', '--ledger', ledger]
      await sh('ip', 'netns', 'exec', namespace, program, ...simulate)
      recorder.kill('SIGINT')
      assert.deepEqual(await ended, [0, null], await said)
      const total = (json: string): unknown =>
        (JSON.parse(json) as { totals: { requests: number } }).totals.requests
      const requests = total(run('report', file, '--format', 'json').stdout)
      assert.ok(typeof requests === 'number' && requests > 0)
      assert.equal(requests, total(readFileSync(ledger, 'utf8')))
    })

    test('without root it says to run it with sudo', () => {
      const as = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs']
      const { status, stderr } = spawnSync('setpriv', [...as, program, 'live', '--secs', '1'], {
        encoding: 'utf8',
      })
      assert.equal(status, 4, stderr)
      assert.match(stderr, /^upstreamtop: needs CAP_BPF, .*: run with sudo/)
    })
  })

  test('where there is no helper for the system, it says for which there is one', () => {
    rmSync(join(installed, 'build'), { recursive: true })
    const { status, stderr } = run('live', '--secs', '1')
    assert.equal(status, 4, stderr)
    assert.match(
      stderr,
      /^upstreamtop: there is no helper ".*": this package records on Linux, on x64 and arm64\n {2}elsewhere replay and report work/,
    )
    assert.match(run('doctor').stdout, /there is no helper/)
  })
})

const committed = (...folders: readonly string[]): string[] =>
  execFileSync('git', ['-C', root, 'ls-files', ...folders], { encoding: 'utf8' })
    .split('\n')
    .filter(Boolean)

/** The files of an installed bundle that this one of them imports, and itself. */
function loadedFrom(installed: string, name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found
  found.add(name)
  const code = readFileSync(join(installed, name), 'utf8')
  for (const [, file] of code.matchAll(/(?:from|import\(|import) ?"\.\/([\w.-]+\.js)"/g))
    loadedFrom(installed, join('dist', file!), found)
  return found
}
