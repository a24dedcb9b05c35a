import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ReportDocument } from '../../src/report/document/document.ts'
import { FORMATS } from '../../src/report/formats/formats.ts'
import { openWritable } from '../../src/store/sqlite/database.ts'
import { runCommand, type Ran } from './run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-report-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'incident.db')
const other = join(folder, 'web2.db')

before(async () => {
  const made = await runCommand([
    'synth',
    '-o',
    file,
    '--secs',
    '180',
    '--incident',
    '5xx:1@60..90',
    '--host',
    'web1',
  ])
  assert.equal(made.code, 0, made.stderr)
  await runCommand(['synth', '-o', other, '--secs', '180', '--seed', '2', '--host', 'web2'])
})

const document = async (...args: string[]): Promise<ReportDocument> => {
  const { code, stdout, stderr } = await runCommand(['report', ...args, '--format', 'json'])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as ReportDocument
}
const roundly = (value: number | null): number => Number(value?.toFixed(3))
const refused = ({ code, stdout, stderr }: Ran, pattern: RegExp): void => {
  assert.equal(code, 2, stderr)
  assert.equal(stdout, '')
  assert.match(stderr, pattern)
}

describe('report', () => {
  it('writes the same bytes each time, in every format', async () => {
    for (const format of Object.keys(FORMATS)) {
      const [first, second] = [
        await runCommand(['report', file, '--format', format]),
        await runCommand(['report', file, '--format', format]),
      ]
      assert.equal(first.code, 0, first.stderr)
      assert.ok(first.stdout.length > 100)
      assert.equal(first.stdout, second.stdout)
      assert.equal(first.stderr, '')
    }
  })

  it('reads ranges in the common time grammar', async () => {
    assert.equal((await document(file, '--from', '14:01', '--to', '+30s')).range.covered.toFixed(2), '30.00')
    assert.equal((await document(file, '--from', '-1m')).range.from.slice(0, 19), '2026-11-22T14:02:00')
    refused(
      await runCommand(['report', file, '--from', '15:00']),
      /--from: "15:00" lies outside the recording\n.*14:00:00 to .*14:03:00/,
    )
    refused(await runCommand(['report', file, '--from', '14:02', '--to', '14:01']), /is empty/)
  })

  it('points at the character of a wrong expression', async () => {
    refused(
      await runCommand(['report', file, '--where', 'p99 > 300']),
      /--where: a latency needs a unit.*at character 7.*\n {2}p99 > 300\n {2}      \^\n/,
    )
    refused(await runCommand(['report', file, '--where', 'status = 500']), /only with --by status/)
    refused(
      await runCommand(['report', file, '--by', 'status', '--where', 'status = 500 and p99 > 1s']),
      /times are not kept by status/,
    )
    refused(await runCommand(['report', file, '--sort', 'colour']), /--sort "colour" is no column/)
    refused(await runCommand(['report', file, '--format', 'xml']), /Allowed choices/)
  })

  it('merges several files, each with its host', async () => {
    const [one, two, both] = [await document(file), await document(other), await document(file, other)]
    assert.equal(both.totals.requests, one.totals.requests + two.totals.requests)
    assert.deepEqual(
      both.recording.map(({ host }) => host),
      ['web1', 'web2'],
    )
    const late = await document(file, other, '--offset', 'web2=-49s')
    assert.equal(late.range.from.slice(0, 19), '2026-11-22T13:59:11')
    refused(await runCommand(['report', file, '--offset', 'web9=1s']), /no recording is of host "web9"/)
    refused(await runCommand(['report', file, file]), /named twice/)
  })

  it('finds nothing in quiet hosts that begin seconds or minutes apart', async () => {
    const hosts = await Promise.all(
      ['2026-11-22T14:00:00Z', '2026-11-22T14:00:05Z', '2026-11-22T14:03:00Z'].map(async (start, i) => {
        const name = join(folder, `late${i}.db`)
        const host = ['--host', `late${i}`, '--seed', String(i + 1), '--start', start]
        assert.equal((await runCommand(['synth', '-o', name, '--secs', '600', ...host])).code, 0)
        return name
      }),
    )
    for (const files of [hosts, hosts.slice(0, 2), [hosts[0]!, hosts[2]!]])
      assert.deepEqual((await document(...files)).findings, [])
    assert.deepEqual((await document(...hosts, '--offset', 'late1=-49s')).findings, [])
  })

  it('names a host that has no tick in the range beside the coverage of the others, and knows nothing of it', async () => {
    const short = join(folder, 'short.db')
    assert.equal(
      (await runCommand(['synth', '-o', short, '--secs', '60', '--host', 'brief', '--rps', '5'])).code,
      0,
    )
    const range = ['--from', '14:02', '--to', '14:03']
    const alone = await document(file, ...range)
    const both = await document(file, short, ...range)
    assert.deepEqual([roundly(alone.coverage.ratio), roundly(both.coverage.ratio)], [1, 1])
    assert.equal(roundly(both.range.covered), 60)
    const note =
      'no tick of host "brief" lies in the range: nothing is known of it there, and the coverage is that of the others'
    assert.deepEqual([alone.notes, both.notes], [undefined, [note]])
    const text = await runCommand(['report', file, short, ...range, '--by', 'host'])
    assert.match(text.stdout, /^ {2}\d+(\.\d)? %: 1m00s recorded of 1m00s\n {2}no tick of host "brief" lies/m)
    assert.match(text.stdout, /^ {2}brief( +–){12}$/m)
    assert.equal(text.stderr, `upstreamtop: ${note}\n`)
    const csv = await runCommand(['report', file, short, ...range, '--by', 'host', '--format', 'csv'])
    assert.match(csv.stdout, /^brief,+\r?$/m)
    const lines = ['--by', 'host', '--where', 'requests < 5', '--format', 'ndjson']
    assert.equal((await runCommand(['report', file, short, ...range, ...lines])).stdout, '')
  })

  it('is not stretched to 1970 by a recording that has no tick yet, and says that 0 is not known', async () => {
    const empty = 'fixtures/recordings/no-tick.db'
    const [one, both] = [await document(other), await document(empty, other)]
    assert.deepEqual([both.range.from, both.range.to], [one.range.from, one.range.to])
    assert.equal(both.notes?.filter((note) => note.includes('nothing is known of it there')).length, 1)
    const { code, stderr } = await runCommand(['report', empty, '--format', 'csv'])
    assert.deepEqual(
      [code, stderr],
      [0, 'upstreamtop: no tick was recorded in the range: 0 is not known there\n'],
    )
  })

  it('refuses a recording with a second of another one', async () => {
    const second = join(folder, 'second.db')
    await runCommand(['cut', file, '--from', '14:01', '--to', '+1s', '-o', second])
    refused(await runCommand(['report', file, second]), /both of host "web1" from 2026-11-22T14:01:00\.000Z/)
  })

  it('refuses recordings with the same second of a host', async () => {
    const part = join(folder, 'part.db')
    const cut = await runCommand(['cut', file, '--from', '14:01', '--to', '14:02', '-o', part])
    assert.equal(cut.code, 0, cut.stderr)
    refused(
      await runCommand(['report', file, part]),
      /both of host "web1" from 2026-11-22T14:01:00.000Z to 2026-11-22T14:02:00.000Z\n/,
    )
    const rest = join(folder, 'rest.db')
    await runCommand(['cut', file, '--from', '14:02', '-o', rest])
    const both = await document(part, rest)
    assert.equal(both.totals.requests, (await document(file, '--from', '14:01')).totals.requests)
  })

  it('replaces --out completely or not at all', async () => {
    const out = join(folder, 'report.json')
    const { code, stdout } = await runCommand(['report', file, '--format', 'json', '--out', out])
    assert.equal(code, 0)
    assert.equal(stdout, '')
    assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), await document(file))
    const nowhere = await runCommand(['report', file, '--out', join(folder, 'no/such/report.txt')])
    assert.equal(nowhere.code, 4, nowhere.stderr)
    assert.match(nowhere.stderr, /can't be written/)
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('tmp')),
      [],
    )
  })

  it('does not replace a device, a link or a recording', async () => {
    const full = await runCommand(['report', file, '--out', '/dev/full'])
    assert.equal(full.code, 4, full.stderr)
    assert.match(full.stderr, /"\/dev\/full" can't be written: ENOSPC/)
    assert.ok(statSync('/dev/full').isCharacterDevice())
    const [real, link] = [join(folder, 'real.txt'), join(folder, 'link.txt')]
    writeFileSync(real, 'before')
    symlinkSync(real, link)
    assert.equal((await runCommand(['report', file, '--out', link])).code, 0)
    assert.ok(lstatSync(link).isSymbolicLink())
    assert.match(readFileSync(real, 'utf8'), /^upstreamtop · web1/)
    const before = readFileSync(file)
    for (const command of [
      ['report', file],
      ['assert', file, 'requests > 0'],
      ['diff', file, other],
    ])
      refused(await runCommand([...command, '--out', file]), /is a recording and is not overwritten/)
    assert.ok(before.equals(readFileSync(file)))
  })

  it('reports a full disk and leaves no file', () => {
    const place = mkdtempSync(join(folder, 'full-'))
    const main = join(import.meta.dirname, '../../src/main.ts')
    for (const args of [
      `--format html --out ${place}/x.html`,
      `--parquet ${place}/lake`,
      `--ndjson-tables ${place}/lake`,
    ]) {
      // A limit on file sizes (in units of 512 bytes) acts like a full disk for any user.
      const { status, stderr } = spawnSync(
        'sh',
        ['-c', `ulimit -f 40; exec node --import tsx ${main} report ${file} ${args}`],
        {
          encoding: 'utf8',
        },
      )
      assert.equal(status, 4, stderr)
      assert.match(stderr, /can't be written: EFBIG/)
    }
    const left = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    assert.deepEqual(left, [])
  })

  it('begins CSV with a byte order mark on request, once, and nothing else', async () => {
    const out = join(folder, 'bom.csv')
    for (const args of [
      ['report', file, '--format', 'csv'],
      ['requests', file, '--to', '+1s', '--format', 'csv'],
    ]) {
      const plain = (await runCommand(args)).stdout
      assert.match(plain, /^[a-z]/)
      assert.equal((await runCommand([...args, '--bom'])).stdout, `\ufeff${plain}`)
    }
    assert.equal((await runCommand(['report', file, '--format', 'csv', '--bom', '--out', out])).code, 0)
    assert.deepEqual([...readFileSync(out).subarray(0, 4)], [0xef, 0xbb, 0xbf, 'b'.charCodeAt(0)])
    for (const options of [[], ['--format', 'json'], ['--format', 'csv', '--parquet', join(folder, 'lake')]])
      refused(await runCommand(['report', file, ...options, '--bom']), /--bom is for CSV/)
    refused(await runCommand(['requests', file, '--format', 'ndjson', '--bom']), /--bom is for CSV/)
  })
  it('ends with the command line that creates it again', async () => {
    const { stdout } = await runCommand(['report', file, '--where', "route ~ '^/api'", '--out', '-'])
    assert.ok(
      stdout.includes(`Made by\n  upstreamtop report ${file} --where 'route ~ '\\''^/api'\\'''\n`),
      stdout.slice(-200),
    )
  })

  it('says of a data set what could not be read, and its gaps have it', async () => {
    const damaged = join(folder, 'damaged.db')
    copyFileSync(file, damaged)
    const database = openWritable(damaged)
    database.prepare('UPDATE traffic SET retries = retries + 1 WHERE id = 50 << 20').run()
    database.close()
    for (const option of ['--parquet', '--ndjson-tables']) {
      const { code, stderr } = await runCommand(['report', damaged, option, join(folder, 'damaged')])
      assert.equal(code, 0)
      assert.match(stderr, /^upstreamtop: \S+damaged\.db: 1 of \d+ ticks are lost\n\d files in .* gaps 1, /)
    }
  })

  it('exports a data set, and leaves nothing when interrupted', async () => {
    const lake = join(folder, 'lake')
    const { code, stderr } = await runCommand(['report', file, '--parquet', lake])
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^\d files in .*lake: traffic [\d,]+, connections/)
    assert.ok(existsSync(join(lake, 'traffic', 'host=web1', 'date=2026-11-22')))
    const both = await runCommand(['report', file, '--parquet', lake, '--ndjson-tables', `${lake}-2`])
    assert.equal(both.code, 0, both.stderr)
    const [first, second] = both.stderr.trim().split('\n')
    assert.equal(second, first!.replace(lake, `${lake}-2`))
    const asked = await runCommand(['report', file, '--parquet', lake, '--format', 'json', '--by', 'route'])
    assert.deepEqual([asked.code, asked.stdout], [0, ''])
    assert.match(asked.stderr, /^upstreamtop: --by, --format: not used: a data set has all rows and columns/)
    const stopped = await runCommand(['report', file, '--parquet', join(folder, 'stopped')], {
      signal: AbortSignal.abort(),
    })
    assert.equal(stopped.code, 130)
    refused(
      await runCommand(['report', file, '--parquet', lake, '--where', 'p99 > 1s']),
      /not rows of a data set/,
    )
  })
})

describe('assert', () => {
  it('prints the measured values and exits with 3 when an assertion fails', async () => {
    const { code, stdout, stderr } = await runCommand([
      'assert',
      file,
      '5xx < 1%',
      'requests > 100',
      'p50(/nope) < 1s',
    ])
    assert.equal(code, 3)
    assert.match(
      stdout,
      /^FAIL {2}5xx < 1% +measured \d+\.\d+% \(of [\d,]+\)\nok {4}requests > 100 +measured [\d,]+ .*\nFAIL {2}p50\(\/nope\) < 1s +measured nothing \(of 0\): no route "\/nope" occurs in the recording\n$/,
    )
    assert.match(stderr, /2 of 3 assertions failed/)
  })
  it('exits 0 when all hold, in every format', async () => {
    for (const [format, pattern] of [
      ['text', /^ok/],
      ['json', /"ok": true/],
      ['junit', /failures="0"/],
      ['github', /^::notice/],
    ] as const) {
      const { code, stdout } = await runCommand(['assert', file, 'requests > 100', '--format', format])
      assert.equal(code, 0)
      assert.match(stdout, pattern)
    }
  })
  it('names file, range and selection in JUnit, and says what failed', async () => {
    const junit = async (...options: string[]): Promise<string> =>
      (await runCommand(['assert', file, 'p99 < 1us', 'requests > 0', '--format', 'junit', ...options]))
        .stdout
    const all = (of: string, text: string): string[] =>
      [...text.matchAll(new RegExp(` ${of}="([^"]*)"`, 'g'))].map(([, value]) => value!)
    const narrowed = await junit('--from', '+10s', '--to', '+10s', '--where', 'method = GET')
    const scope = `${file} 2026-11-22T14:00:10Z to 2026-11-22T14:00:20Z where method = GET`
    const [suite, ...cases] = all('name', narrowed)
    assert.equal(suite, `upstreamtop ${scope}`)
    assert.deepEqual(cases, ['p99 &#60; 1us', 'requests &#62; 0'])
    const asked = `upstreamtop.${file.replaceAll('.', '_')}`
    assert.deepEqual(
      all('classname', narrowed),
      Array(2).fill(`${asked} from +10s to +10s where method = GET`),
    )
    assert.deepEqual(all('time', narrowed), Array(4).fill('10.000'))
    assert.deepEqual(all('timestamp', narrowed), ['2026-11-22T14:00:10'])
    const [, message, body] = /<failure type="assertion" message="([^"]*)">([^<]*)<\/failure>/.exec(narrowed)!
    assert.match(message!, /^p99 = [\d.]+ ms \(of [\d,]+\)$/)
    assert.equal(body, `p99 &#60; 1us\nmeasured ${message}\nin ${scope}`)
    assert.match(
      await junit('--where', 'route = "\u0007\uffff&"'),
      /where route = &#34;\\x07\ufffd&#38;&#34;"/,
    )
    const whole = await junit()
    assert.deepEqual(all('classname', whole), Array(2).fill(asked))
    assert.notEqual(all('name', whole)[0], suite)
    assert.notEqual(all('name', await junit('--from', '+11s', '--to', '+10s'))[0], all('name', whole)[0])
  })
  it('refuses expressions that measure nothing', async () => {
    refused(await runCommand(['assert', file, 'route = /x']), /nothing is measured/)
    refused(await runCommand(['assert', file, 'p99 > +20%']), /diff --fail-on/)
    refused(await runCommand(['assert', file, 'status = 500']), /write 5xx/)
    refused(
      await runCommand(['assert', file, '5xx < 1%', '--where', 'p99 > 1s']),
      /only backend, method and route/,
    )
    assert.equal((await runCommand(['assert', file])).code, 2)
  })
  it('can be limited to some rows and a range', async () => {
    const { code } = await runCommand([
      'assert',
      file,
      '5xx < 1%',
      '--to',
      '14:01',
      '--where',
      'method = GET',
    ])
    assert.equal(code, 0)
  })
})

describe('diff', () => {
  it('shows the changes between two ranges, and gates on them', async () => {
    const ranges = ['--base', '14:00..14:01', '--target', '14:01..14:01:30']
    const { code, stdout, stderr } = await runCommand([
      'diff',
      file,
      ...ranges,
      '--fail-on',
      '5xx > +1pp',
      '--fail-on',
      'p50 > +50%',
    ])
    assert.equal(code, 3)
    assert.match(stderr, /1 of 2 gates failed/)
    assert.match(
      stdout,
      /FAIL {2}5xx > \+1pp {2}measured 5xx = \+\d+\.\d+ pp\n {2}ok {4}p50 > \+50% {2}measured p50 = [+-]\d+\.\d%/,
    )
    assert.match(stdout, /10\.0\.1\.10:8080 .*\+\d\d\.\d\dpp/)
  })
  it('compares two files', async () => {
    const { code, stdout } = await runCommand(['diff', file, other, '--format', 'json'])
    assert.equal(code, 0)
    const { totals, backends } = JSON.parse(stdout) as {
      totals: { requests: { base: number; target: number } }
      backends: { presence: string }[]
    }
    assert.equal(totals.requests.base, (await document(file)).totals.requests)
    assert.equal(totals.requests.target, (await document(other)).totals.requests)
    assert.ok(backends.every(({ presence }) => presence === 'both'))
  })
  it('takes several gates after one --fail-on', async () => {
    const ranges = ['--base', '14:00..14:01', '--target', '14:01..14:01:30']
    for (const words of [
      [...ranges, file],
      [file, other],
      [file, ...ranges],
    ]) {
      const { code, stderr } = await runCommand([
        'diff',
        ...words,
        '--fail-on',
        'requests < 0',
        'requests >= 0',
      ])
      assert.equal(code, 3)
      assert.match(stderr, /1 of 2 gates failed/)
    }
    refused(await runCommand(['diff', file, other, file]), /one too many/)
  })
  it('finds no change between a recording and itself', async () => {
    const { code, stdout } = await runCommand(['diff', file, file, '--fail-on', 'p99 > +0%'])
    assert.equal(code, 0)
    assert.match(stdout, /ok {4}p99 > \+0%/)
  })
  it('needs two ranges or files', async () => {
    refused(await runCommand(['diff', file]), /only ".*" to compare/)
    refused(await runCommand(['diff', file, other, '--fail-on', 'route = /x']), /nothing is measured/)
  })
  it('fails a gate that has nothing to compare', async () => {
    const { code, stdout } = await runCommand(['diff', file, other, '--fail-on', 'p99(/nope) > +20%'])
    assert.equal(code, 3)
    assert.match(stdout, /nothing to compare/)
  })
})
