/** make deb, and the units that it and make install bring. `make test-deb` installs the package where there is nothing else. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const UNITS = join(ROOT, 'contrib/systemd')
const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-package-'))
after(() => rmSync(folder, { recursive: true }))

const lacking = (...programs: readonly string[]): string | false => {
  const missing = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  return existsSync(join(ROOT, 'build/upstreamtop-probe')) ? false : 'needs the helper: make build'
}

describe('the units', { skip: lacking('systemd-analyze') }, () => {
  const names = readdirSync(UNITS).filter((name) => /\.(service|timer)$/.test(name))
  /** With programs that are here. */
  const here = join(folder, 'units')
  mkdirSync(here)
  for (const name of names)
    writeFileSync(
      join(here, name),
      readFileSync(join(UNITS, name), 'utf8')
        .replaceAll('@PREFIX@/lib/upstreamtop/export-hour', join(UNITS, 'export-hour'))
        .replaceAll('@PREFIX@/lib/upstreamtop', ROOT.slice(0, -1)),
    )

  for (const name of names)
    test(`${name}: systemd has nothing to say against it`, () => {
      const verify = spawnSync('systemd-analyze', ['verify', '--man=no', join(here, name)], {
        encoding: 'utf8',
      })
      assert.deepEqual(
        verify.stderr.split('\n').filter((line) => line.includes('upstreamtop')),
        [],
      )
    })

  for (const name of names.filter((one) => one.endsWith('.service')))
    test(`${name}: its exposure is at most 3`, () => {
      const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', join(here, name)], {
        encoding: 'utf8',
      })
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
      assert.ok(exposure <= 3, stdout)
    })

  test('the recorder is started again for ever, with the options that bound its recording', () => {
    const unit = readFileSync(join(UNITS, 'upstreamtop@.service'), 'utf8')
    assert.match(
      unit,
      /^ExecStart=.* record --out \/var\/lib\/upstreamtop\/%i\.db --append --keep 24h --max-size 1GB --quiet --metrics 127\.0\.0\.1:9465 --max-cpu 25 --max-memory 256MB \$OPTIONS$/m,
    )
    assert.match(unit, /^Restart=always$/m)
    assert.match(unit, /^StartLimitIntervalSec=0$/m)
  })
})

describe('make deb', { skip: lacking('dpkg-deb', 'dpkg-shlibdeps') }, () => {
  test('has the program, its modules, helper, units, man page and documents, and no other file', () => {
    const file = make('deb', `DEB_FOLDER=${folder}`, 'DEB_VERSION=9.9').trim()
    const [architecture] = /(?<=_9\.9_)\w+(?=\.deb$)/.exec(file) ?? []
    assert.equal(file, join(folder, `upstreamtop_9.9_${architecture ?? ''}.deb`))
    const names = execFileSync('dpkg-deb', ['--fsys-tarfile', file], { maxBuffer: 64 << 20 })
    const listed = execFileSync('tar', ['-t'], { input: names, encoding: 'utf8' }).split('\n')
    const apart = listed.filter(
      (name) => !/^\.\/usr\/lib\/upstreamtop\/(dist|node_modules)\/|^\.\/usr\/share\/doc\/|\/$|^$/.test(name),
    )
    const completions = apart.filter((name) => name.includes('complet'))
    assert.equal(completions.length, 3, completions.join())
    assert.deepEqual(
      apart.filter((name) => !completions.includes(name)).sort(),
      [
        './usr/bin/upstreamtop',
        './usr/lib/systemd/system/upstreamtop-export@.service',
        './usr/lib/systemd/system/upstreamtop-export@.timer',
        './usr/lib/systemd/system/upstreamtop@.service',
        './usr/lib/upstreamtop/build/upstreamtop-capture.wasm',
        './usr/lib/upstreamtop/build/upstreamtop-probe',
        './usr/lib/upstreamtop/export-hour',
        './usr/lib/upstreamtop/package.json',
        './usr/share/lintian/overrides/upstreamtop',
        './usr/share/man/man1/upstreamtop.1.gz',
        './usr/share/upstreamtop/clickhouse/load',
        './usr/share/upstreamtop/clickhouse/queries/backends.sql',
        './usr/share/upstreamtop/clickhouse/queries/coverage.sql',
        './usr/share/upstreamtop/clickhouse/queries/movers.sql',
        './usr/share/upstreamtop/clickhouse/queries/routes.sql',
        './usr/share/upstreamtop/clickhouse/queries/upstreams.sql',
        './usr/share/upstreamtop/clickhouse/schema-18.16.sql',
        './usr/share/upstreamtop/clickhouse/schema.sql',
        './usr/share/upstreamtop/grafana/upstreamtop-clickhouse.json',
        './usr/share/upstreamtop/grafana/upstreamtop.json',
        './usr/share/upstreamtop/notify.sh',
        './usr/share/upstreamtop/prometheus/rules.test.yml',
        './usr/share/upstreamtop/prometheus/rules.yml',
        './usr/share/upstreamtop/prometheus/scrape.yml',
      ].sort(),
    )
    for (const name of ['dist/main.js', 'node_modules/better-sqlite3/build/Release/better_sqlite3.node'])
      assert.ok(listed.includes(`./usr/lib/upstreamtop/${name}`), name)
    for (const name of ['copyright', 'changelog.gz', 'CHANGELOG.md.gz', 'docs/fleet.md'])
      assert.ok(listed.includes(`./usr/share/doc/upstreamtop/${name}`), name)
    const field = (name: string): string =>
      execFileSync('dpkg-deb', ['-f', file, name], { encoding: 'utf8' }).trim()
    assert.equal(field('Version'), '9.9')
    assert.match(field('Depends'), /libc6 \(>= .*nodejs \(>= \d+\), nodejs \(<< \d+~\), libcap2-bin/)
    if (lacking('lintian') === false)
      assert.doesNotMatch(spawnSync('lintian', [file], { encoding: 'utf8' }).stdout, /^E:/m)
  })
})

/** Without building: `make test` has done it. An inner make must not inherit the flags of the outer one. */
function make(...words: readonly string[]): string {
  return execFileSync('make', ['-C', ROOT, '--no-print-directory', '-o', 'build', ...words], {
    encoding: 'utf8',
    env: { ...process.env, MAKEFLAGS: '', MAKELEVEL: '', MFLAGS: '' },
  })
}
