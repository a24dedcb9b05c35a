import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../store/support.ts'
import { runCommand } from './run-command.ts'

const recordings = new URL('../../fixtures/recordings/', import.meta.url).pathname
const incident = `${recordings}incident.db`

test('info prints time, host, size and gaps', async () => {
  const { code, stdout } = await runCommand(['info', incident])
  assert.equal(code, 0)
  assert.match(stdout, /^state +complete$/m)
  assert.match(stdout, /^gap .* for 30s: stopped$/m)
  assert.match(stdout, /^marker .* deploy: deploy 4711$/m)
  const json = JSON.parse((await runCommand(['info', incident, '--format', 'json'])).stdout) as {
    readonly recording: Record<string, unknown>
  }
  for (const word of [
    'file',
    'host',
    'start',
    'end',
    'ticks',
    'complete',
    'tool',
    'format',
    'size',
    'tables',
    'clock',
    'versions',
  ]) {
    assert.ok(word in json.recording, word)
  }
})

test('info and report say how much time passed where the clock was set', async () => {
  const info = (await runCommand(['info', `${recordings}clock-step.db`])).stdout
  assert.match(info, /^to +2026-11-22 15:00:50 \(1m30s passed: the clock was set\)$/m)
  assert.match(info, /^ticks +90, covering 1m30s$/m)
  const report = (await runCommand(['report', `${recordings}clock-step.db`])).stdout
  assert.match(report, /^upstreamtop .* 14:59:50 – 15:00:50 Europe\/Berlin · 1m30s$/m)
  assert.match(report, /^ +100 %: 1m30s recorded of 1m30s that passed: the clock was set$/m)
})

test('info reports damage, and counts what it can', async () => {
  for (const name of ['holed.db', 'truncated.db']) {
    const { code, stdout } = await runCommand(['info', recordings + name])
    assert.equal(code, 0)
    assert.match(stdout, /^state +damaged/m)
    assert.match(stdout, /traffic \?/)
  }
})

test('the exit code of check is 0 for whole, 3 for recoverable, 5 for lost or no recording', async () => {
  for (const [name, code] of [
    ['whole.db', 0],
    ['holed.db', 3],
    ['foreign.db', 5],
    ['empty.db', 5],
    ['newer.db', 5],
  ] as const) {
    assert.equal((await runCommand(['check', recordings + name])).code, code, name)
  }
})

test('cut writes a range, prints its size, span and sha256, and does not overwrite a file', async () => {
  await inFolder(async (folder) => {
    const out = join(folder, 'cut.db')
    const { code, stdout } = await runCommand(['cut', incident, '--from', '+60s', '--to', '+60s', '-o', out])
    assert.equal(code, 0)
    assert.match(stdout, /60 ticks.*\n.*to.*\nsha256 [0-9a-f]{64}\n$/)
    assert.equal((await runCommand(['cut', incident, '-o', out])).code, 2)
    assert.equal((await runCommand(['check', out])).code, 0)
  })
})

test('an empty cut is reported', async () => {
  await inFolder(async (folder) => {
    const args = ['cut', incident, '--backend', '192.0.2.1:80', '-o', join(folder, 'cut.db')]
    const { code, stderr } = await runCommand(args)
    assert.equal(code, 0)
    assert.match(stderr, /no row of these ticks is what you asked for/)
  })
})

test('the requests of a tick are listed by time', async () => {
  const args = ['requests', incident, '--to', '+1s', '--format', 'csv']
  const [, ...rows] = (await runCommand(args)).stdout.trim().split('\n')
  const times = rows.map((row) => row.split(',')[0]!)
  assert.equal(times.length, 4)
  assert.deepEqual(times, [...times].sort())
})

test('cut keeps only the selected rows', async () => {
  await inFolder(async (folder) => {
    const out = join(folder, 'cut.db')
    const args = ['cut', incident, '--backend', '10.0.1.12:8080', '--where', "route = '/checkout'", '-o', out]
    assert.equal((await runCommand(args)).code, 0)
    const { stdout } = await runCommand(['report', out, '--by', 'route', '--format', 'csv'])
    assert.equal(stdout.trim().split('\n').length, 2)
    assert.match(stdout, /10\.0\.1\.12:8080,POST,\/checkout,/)
    assert.equal(
      (await runCommand(['cut', incident, '--where', 'p99 > 1s', '-o', join(folder, 'no.db')])).code,
      2,
    )
  })
})

test('mark adds a marker to jump to; a finished recording is marked at its end', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'x.db')
    copyFileSync(incident, file)
    const { code, stderr } = await runCommand(['mark', file, 'the end'])
    assert.equal(code, 0)
    assert.match(stderr, /has ended: marked at its end, 2026-11-22T15:08:00/)
    assert.match((await runCommand(['report', file])).stdout, /note {2}the end/)
    assert.match((await runCommand(['replay', file, '--print', '--at', '@the end'])).stdout, /15:07:59/)
    assert.equal((await runCommand(['mark', file, 'rolled back', '--at', '50%'])).code, 0)
    assert.match((await runCommand(['info', file])).stdout, /note: rolled back/)
    assert.equal((await runCommand(['check', file])).code, 0)
  })
})

test('requests lists single requests as text, CSV and NDJSON', async () => {
  const where = ['--where', 'status >= 500']
  const text = (await runCommand(['requests', incident, ...where])).stdout.trim().split('\n')
  const csv = (await runCommand(['requests', incident, ...where, '--format', 'csv'])).stdout
    .trim()
    .split('\n')
  const ndjson = (await runCommand(['requests', incident, ...where, '--format', 'ndjson'])).stdout
    .trim()
    .split('\n')
  assert.equal(csv[0], 'at,backend,method,route,status,failure,header_ms,total_ms,name,names')
  assert.ok(text.length > 100 && csv.length === text.length + 1 && ndjson.length === text.length)
  for (const line of ndjson) assert.ok((JSON.parse(line) as { status: number }).status >= 500)
})

test('repair writes the readable rest of a damaged file and reports the loss', async () => {
  await inFolder(async (folder) => {
    const out = join(folder, 'saved.db')
    const { code, stdout, stderr } = await runCommand(['repair', `${recordings}holed.db`, '-o', out])
    assert.equal(code, 0)
    assert.match(stdout, /ticks saved/)
    assert.match(stderr, /lost/)
    assert.equal((await runCommand(['check', out])).code, 0)
  })
})

test('only replay and report read standard input, and only text is written to standard output', async () => {
  for (const args of [
    ['info', '-'],
    ['check', '-'],
    ['requests', '-'],
    ['mark', '-', 'x'],
    ['cut', '-', '-o', 'x.db'],
    ['repair', '-', '-o', 'x.db'],
    ['assert', '-', 'requests > 0'],
    ['diff', '-', incident],
    ['diff', incident, '-'],
    ['cut', incident, '-o', '-'],
    ['repair', incident, '-o', '-'],
    ['synth', '-o', '-'],
    ['record', '--out', '-'],
    ['report', incident, '--parquet', '-'],
    ['report', incident, '--ndjson-tables', '-'],
  ]) {
    assert.equal((await runCommand(args)).code, 2, args.join(' '))
  }
})

test('synth makes the same recording from the same seed, and explains an invalid incident', async () => {
  await inFolder(async (folder) => {
    const make = async (name: string, seed: string): Promise<string> => {
      const file = join(folder, name)
      assert.equal((await runCommand(['synth', '-o', file, '--secs', '30', '--seed', seed])).code, 0)
      return (await runCommand(['requests', file, '--format', 'csv'])).stdout
    }
    const [a, b, c] = [await make('a.db', '1'), await make('b.db', '1'), await make('c.db', '2')]
    assert.equal(a, b)
    assert.notEqual(a, c)
    const gaps = async (name: string, when: string): Promise<string> => {
      const file = join(folder, name)
      const { code, stderr } = await runCommand([
        'synth',
        '-o',
        file,
        '--secs',
        '120',
        '--incident',
        `gap@${when}`,
      ])
      assert.equal(code, 0, stderr)
      return /^gap.*/m.exec((await runCommand(['info', file])).stdout)?.[0] ?? ''
    }
    const gap = await gaps('f.db', '60..90')
    assert.match(gap, /14:01:00 for 30s/)
    for (const [i, when] of ['+1m..90s', '50%..75%', '-60s..-30s', '14:01..14:01:30'].entries())
      assert.equal(await gaps(`g${i}.db`, when), gap, when)
    const wrong = await runCommand(['synth', '-o', join(folder, 'd.db'), '--incident', 'fire@1..2'])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /fire@1\.\.2.*\n.*5xx, slow/)
    assert.ok(!existsSync(join(folder, 'd.db')))
    writeFileSync(join(folder, 'e.db'), 'mine')
    assert.equal((await runCommand(['synth', '-o', join(folder, 'e.db')])).code, 2)
  })
})

test('synth begins at a time that is one, in a zone that is one', async () => {
  await inFolder(async (folder) => {
    for (const [i, [start, zone, first]] of [
      ['2026-02-20', 'UTC', '2026-02-20T00:00:00.000Z'],
      ['2026-02-20T10:00', 'Europe/Berlin', '2026-02-20T09:00:00.000Z'],
      ['2026-02-20T10:00:00+05:30', 'Europe/Berlin', '2026-02-20T04:30:00.000Z'],
    ].entries()) {
      const file = join(folder, `${i}.db`)
      const made = await runCommand(['synth', '-o', file, '--secs', '2', '--start', start!, '--tz', zone!])
      assert.equal(made.code, 0, made.stderr)
      const { recording } = JSON.parse((await runCommand(['info', file, '--format', 'json'])).stdout) as {
        recording: { start: string }
      }
      assert.equal(recording.start, first)
    }
    for (const [option, value] of [
      ['--start', '2026-02-30T10:00Z'],
      ['--start', '1960-01-01T00:00Z'],
      ['--start', '9999-12-31T00:00Z'],
      ['--start', '14:02'],
      ['--start', 'Nov 22 2026'],
      ['--tz', 'Europe/Nowhere'],
    ]) {
      const wrong = await runCommand(['synth', '-o', join(folder, 'x.db'), option!, value!])
      assert.equal(wrong.code, 2, value)
      assert.match(wrong.stderr, new RegExp(`${option} "${value}" is n`))
      assert.ok(!existsSync(join(folder, 'x.db')))
    }
  })
})

test('a file that cannot be marked is refused with an error and not changed', async () => {
  const refusals = {
    'empty.db': /is empty/,
    'foreign.db': /not a SQLite file/,
    'newer.db': /format 99, this version reads up to format 2.*\s+Open it with upstreamtop 0\.9\.0 or later/,
    'truncated.db': /is damaged\s+Save what is left/,
    'format-2.db': /is damaged\s+Save what is left/,
  }
  await inFolder(async (folder) => {
    for (const [name, message] of Object.entries(refusals)) {
      const file = join(folder, name)
      copyFileSync(`${recordings}${name}`, file)
      if (name === 'format-2.db') truncateSync(file, Math.floor(statSync(file).size * 0.85))
      const before = readFileSync(file)
      // The recorder moves such files aside: append.test.ts.
      const { code, stderr } = await runCommand(['mark', file, 'a note', '--at', '+1s'])
      assert.equal(code, 5, stderr)
      assert.match(stderr, message)
      assert.deepEqual(readFileSync(file), before)
    }
  })
})

test('a relative time beyond the recording is cut to it, and that is said once', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'five.db')
    await runCommand(['synth', '-o', file, '--secs', '300', '--rps', '5'])
    const { code, stdout, stderr } = await runCommand([
      'cut',
      file,
      '--from',
      '-15m',
      '-o',
      join(folder, 'cut.db'),
    ])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /300 ticks/)
    assert.match(
      stderr,
      /^upstreamtop: "-15m" reaches beyond the recording, which begins at .*: it is cut to that\n$/,
    )
    for (const [args, words] of [
      [['report', file, '--from', '+1m', '--to', '+1h'], /"\+1h" reaches .* ends at/],
      [['assert', file, 'requests > 0', '--from', '-1h'], /"-1h" reaches .* begins at/],
      [['diff', file, '--base', '-1h..+1m', '--target', '+1m..+9m'], /"-1h" reaches .*\n.*"\+9m" reaches/],
    ] as const) {
      const ran = await runCommand(args)
      assert.equal(ran.code, 0, `${args.join(' ')}: ${ran.stderr}`)
      assert.match(ran.stderr, words)
    }
    for (const args of [
      ['--from', '+10m'],
      ['--to', '-10m'],
      ['--from', '13:00'],
    ]) {
      const ran = await runCommand(['report', file, ...args])
      assert.deepEqual([ran.code, ran.stderr.includes('outside the recording')], [2, true], ran.stderr)
    }
  })
})

test('a recording under any name that a file system allows is read; one that leaves none for side files is not written', async () => {
  const current = `${recordings}format-2.db`
  await inFolder(async (folder) => {
    for (const bytes of [247, 248, 251, 255]) {
      const file = join(folder, `${'n'.repeat(bytes - 3)}.db`)
      copyFileSync(current, file)
      for (const command of ['info', 'check', 'report']) {
        const { code, stderr } = await runCommand([command, file])
        assert.equal(code, 0, `${bytes} bytes: ${command}: ${stderr}`)
      }
      const marked = await runCommand(['mark', file, 'deploy'])
      assert.equal(marked.code, bytes > 247 ? 2 : 0, `${bytes} bytes: ${marked.stderr}`)
      if (bytes > 247) assert.match(marked.stderr, /is too long.*\n.*at most 247 bytes/)
      rmSync(file)
      const cut = await runCommand(['cut', current, '-o', file])
      assert.equal(cut.code, bytes > 247 ? 2 : 0, `${bytes} bytes: ${cut.stderr}`)
      if (bytes > 247) assert.match(cut.stderr, /is too long/)
    }
  })
})
