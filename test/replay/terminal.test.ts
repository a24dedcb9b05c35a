import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { PROGRAM, ROOT, Tmux, WITHOUT_TMUX } from './tmux.ts'

/** The scrubber is drawn after the first picture. */
const COMPLETE = /▆.* \d\d:\d\d:\d\d\n paused/

describe('on a real terminal', { skip: WITHOUT_TMUX }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-terminal-'))
  const file = join(folder, 'incident.db')
  const replay = `${PROGRAM} replay ${file}`

  before(() => {
    const incidents = ['--incident', '5xx@60..90', '--incident', 'gap@120..140']
    const words = [
      '--import',
      'tsx',
      'src/main.ts',
      'synth',
      '-o',
      file,
      '--seed',
      '7',
      '--secs',
      '200',
      ...incidents,
    ]
    execFileSync('node', words, { cwd: ROOT })
  })
  after(() => rmSync(folder, { recursive: true }))

  /** Checks that the shell is back, the screen is restored, and the terminal echoes again. */
  async function assertRestored(tmux: Tmux, before: string): Promise<void> {
    assert.equal(tmux.is('alternate_on'), '0')
    assert.equal(tmux.is('cursor_flag'), '1')
    assert.ok(tmux.screen.includes(before), tmux.screen)
    tmux.run('stty -a | grep -o -E -- "-?(echo|icanon)\\b" | tr "\\n" " "; echo')
    await tmux.shows(/^(icanon echo|echo icanon)$/m)
  }

  test('q restores the terminal', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`echo before; ${replay}; echo "left with $?"`)
    await tmux.shows(/coverage/)
    assert.equal(tmux.is('alternate_on'), '1')
    assert.equal(tmux.is('cursor_flag'), '0')
    tmux.press('q')
    await tmux.shows(/left with 0/)
    await assertRestored(tmux, 'before')
  })

  for (const [signal, code] of [
    ['TERM', 130],
    ['INT', 130],
  ] as const) {
    test(`SIG${signal} restores the terminal`, async (t) => {
      const tmux = new Tmux(t)
      tmux.run(`echo before; ${replay}; echo "left with $?"`)
      await tmux.shows(/coverage/)
      process.kill(tmux.child, `SIG${signal}`)
      await tmux.shows(new RegExp(`left with ${code}`))
      await assertRestored(tmux, 'before')
    })
  }

  test('SIGHUP ends it and restores the terminal', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`echo before; ${replay}; echo "left"`)
    await tmux.shows(/coverage/)
    process.kill(tmux.child, 'SIGHUP')
    await tmux.shows(/left$/m)
    await assertRestored(tmux, 'before')
  })

  test('a recorder whose helper does not end restores the terminal at the first signal, and ends at the second', async (t) => {
    const tmux = new Tmux(t)
    const stubborn = `trap "" TERM; cat fixtures/probe/simulated.ndjson; sleep 60`
    tmux.run(`echo before; ${PROGRAM} live --probe '${stubborn}'; echo "left with $?"`)
    await tmux.shows(/coverage/)
    const recorder = tmux.child
    process.kill(recorder, 'SIGTERM')
    // Only the normal screen has it: the terminal is restored.
    await tmux.shows(/before/)
    // A signal that comes too soon counts as the first (src/cli/signals.ts), so it is sent until one ends the recorder. After three
    // seconds the helper would be killed, and the recorder would leave with another code.
    const left = await tmux.shows((screen) => {
      const isLeft = /left with \d/.test(screen)
      if (!isLeft) spawnSync('kill', ['-TERM', String(recorder)])
      return isLeft
    })
    assert.match(left, /left with 143/)
    await assertRestored(tmux, 'before')
  })

  test('a crash shows its message on a restored terminal', async (t) => {
    const tmux = new Tmux(t)
    tmux.run('node --import tsx test/replay/crashing.ts; echo "left with $?"')
    await tmux.shows(/left with 1/)
    await assertRestored(tmux, 'broken on purpose')
  })

  test('Ctrl-Z suspends, fg returns to the same place', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`${replay} --at +70s`)
    const screen = await tmux.shows(COMPLETE)
    tmux.press('C-z')
    await tmux.shows(/Stopped/)
    assert.equal(tmux.is('alternate_on'), '0')
    assert.equal(tmux.is('cursor_flag'), '1')
    tmux.run('fg')
    await tmux.shows((now) => now === screen)
    tmux.press('t')
    await tmux.shows((now) => now !== screen && now.includes('paused'))
    tmux.press('q')
    await tmux.shows(/[$#] *$/m)
  })

  test('after SIGSTOP and SIGCONT the screen is drawn again', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`${replay} --at +70s`)
    const screen = await tmux.shows(COMPLETE)
    const { child } = tmux
    process.kill(child, 'SIGSTOP')
    await tmux.shows(/Stopped/)
    tmux.run('clear; fg')
    await tmux.shows((now) => now === screen)
  })

  test('a new size is drawn at once', async (t) => {
    const tmux = new Tmux(t, 80, 24)
    tmux.run(`${replay} --at +70s`)
    await tmux.shows(/paused/)
    assert.doesNotMatch(tmux.screen, /total p99/)
    tmux.resize(200, 50)
    await tmux.shows(/total p99/)
    tmux.resize(60, 15)
    const small = await tmux.shows((now) => !now.includes('p99') && now.includes('paused'))
    assert.ok(small.split('\n').every((line) => line.length <= 60))
  })

  for (const columns of [60, 80, 120, 200]) {
    test(`the terminal's cells equal the printed text at ${columns} columns`, async (t) => {
      const tmux = new Tmux(t, columns, 30)
      tmux.run(`${replay} --at +70s`)
      const screen = await tmux.shows(/paused/)
      const words = [
        '--import',
        'tsx',
        'src/main.ts',
        'replay',
        file,
        '--print',
        '--at',
        '+70s',
        '--size',
        `${columns}x30`,
      ]
      const printed = execFileSync('node', words, { cwd: ROOT, encoding: 'utf8' })
      const rows = screen.split('\n').slice(0, 27)
      assert.equal(rows.join('\n').trimEnd(), printed.trimEnd())
    })
  }

  test('keys work as terminals send them', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`${replay} --at +10s`)
    await tmux.shows(/14:00:10 UTC/)
    for (const [key, clock] of [
      ['Right', '14:00:11'],
      ['S-Right', '14:00:21'],
      ['C-Right', '14:01:21'],
      ['Left', '14:01:20'],
      ['C-Left', '14:00:20'],
      ['Home', '14:00:00'],
      ['e', '14:01:00'],
      ['x', '14:01:59'],
      ['End', '14:03:19'],
    ] as const) {
      tmux.press(key)
      await tmux.shows(new RegExp(`${clock} UTC`))
    }
    tmux.press('?')
    await tmux.shows(/— keys/)
    // Esc alone: followed at once by another key it means Alt and that key.
    tmux.press('Escape')
    await tmux.shows((screen) => !screen.includes('— keys'))
  })

  test('every key does what the help describes', async (t) => {
    const copy = join(folder, 'every-key.db')
    copyFileSync(join(ROOT, 'fixtures/recordings/incident.db'), copy)
    const tmux = new Tmux(t, 120, 40)
    tmux.run(`${PROGRAM} replay ${copy} --at +10s; echo "left with $?"`)
    await tmux.shows(/▾ .*\n 15:00:00 .* 15:08:00\n paused/)
    const clock = (time: string): RegExp => new RegExp(`${time} Europe/Berlin`)
    const keys: readonly (readonly [string, RegExp | ((screen: string) => boolean)])[] = [
      ['e', clock('15:01:00')],
      ['E', /no burst of 5xx or failures before this/],
      ['s', clock('15:02:40')],
      ['S', /no slow-down before this/],
      ['d', clock('15:04:40')],
      ['D', /no backend that appears or vanishes before this/],
      ['x', /GAP 15:06:40–15:07:10/],
      ['X', /no gap before this/],
      ['N', /15:00:58 Europe[^]*marker: deploy 4711/],
      ['n', /no marker after this/],
      ['G', clock('15:07:59')],
      ['g', clock('15:00:00')],
      // Tenths of 480 s; ticks begin some µs late.
      ...[
        '0:4[78]',
        '1:3[56]',
        '2:2[34]',
        '3:1[12]',
        '(4:00|3:59)',
        '4:4[78]',
        '5:3[56]',
        '6:2[34]',
        '7:1[12]',
      ].map((time, i): readonly [string, RegExp] => [String(i + 1), clock(`15:0${time}`)]),
      ['0', clock('15:00:00')],
      [']', clock('15:00:10')],
      ['[', clock('15:00:00')],
      ['}', clock('15:01:00')],
      ['t', clock('15:01:01')],
      ['T', clock('15:01:00')],
      ['{', clock('15:00:00')],
      ['e', clock('15:01:00')],
      ['o', /by share/],
      ['<', (screen) => !screen.includes('by share')],
      ['>', /by share/],
      ['w', /5s window/],
      ['+', /paused/],
      ['Space', / ▸ 2×/],
      ['-', / ▸ 1×/],
      ['R', / ◂ 1×/],
      ['Space', / paused/],
      ['b', /go to \(/],
      ['Escape', / paused/],
      [':', /go to \(/],
      ['Escape', / paused/],
      ['/', /filter backends and routes:/],
      ['Escape', / paused/],
      ['m', /text of the marker/],
      ['Escape', / paused/],
      ['Down', /^> 10\.0\.1/m],
      ['Enter', /requests per second/],
      ['Escape', /^> 10\.0\.1/m],
      ['?', /— keys/],
      ['?', (screen) => !screen.includes('— keys')],
      ['L', /there is no live/],
      ['y', /upstreamtop replay \S+ --print --at 2026-11-22T15:0/],
      ['q', /left with 0/],
    ]
    for (const [key, shows] of keys) {
      tmux.press(key)
      await tmux.shows(shows)
    }
    // The command of y is printed at the end.
    assert.match(tmux.screen, /upstreamtop replay \S+ --print --at/)
  })

  test('NO_COLOR removes colours and keeps bold', async (t) => {
    const tmux = new Tmux(t, 100, 30, { NO_COLOR: '1' })
    tmux.run(`${replay} --at +70s`)
    await tmux.shows(/paused/)
    assert.doesNotMatch(tmux.painted, /\[(?:\d+;)*3[0-7]m/)
    assert.match(tmux.painted, /\[1m/)
  })

  test('where the locale is C, the screen is ASCII', async (t) => {
    const tmux = new Tmux(t, 100, 30)
    tmux.run(`LC_ALL=C ${replay} --at +70s`)
    assert.doesNotMatch(await tmux.shows(/[-=+*#]{40}.* \d\d:\d\d:\d\d\n paused/), /[^\0-\x7f]/)
  })

  test('a dumb terminal gets text', async (t) => {
    const tmux = new Tmux(t, 130, 30)
    tmux.run(`TERM=dumb ${replay} --at +70s; echo "left with $?"`)
    await tmux.shows(/left with 0/)
    assert.equal(tmux.is('alternate_on'), '0')
    assert.match(tmux.screen, /10\.0\.1\.10:8080/)
  })

  test('a recording from standard input is controlled by the keyboard', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`cat ${file} | ${PROGRAM} replay - --at +10s; echo "left with $?"`)
    await tmux.shows(/14:00:10 UTC/)
    tmux.press('t')
    await tmux.shows(/14:00:11 UTC/)
    tmux.press('q')
    await tmux.shows(/left with 0/)
  })

  test('a reader that closes the pipe early ends it without a message', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`${replay} --print | head -1; echo "left with \${PIPESTATUS[0]}"`)
    const screen = await tmux.shows(/left with \d/)
    assert.match(screen, /left with 0/)
    assert.match(screen, /upstreamtop — nginx upstreams/)
    assert.doesNotMatch(screen, /Error/)
  })

  test('a marker set with m is in the file', async (t) => {
    const tmux = new Tmux(t)
    tmux.run(`${replay} --at +30s`)
    await tmux.shows(/paused/)
    tmux.press('m')
    await tmux.shows(/text of the marker/)
    tmux.type('here it began')
    tmux.press('Enter')
    await tmux.shows(/marked: here it began/)
    tmux.press('g')
    tmux.press('n')
    await tmux.shows(/marker: here it began/)
    tmux.press('q')
  })

  test('what is pasted while recording neither ends it nor marks it; q ends it when it is pressed again', async (t) => {
    const recorded = join(folder, 'pasted.db')
    const slowly = `while read -r l; do echo "$l"; case "$l" in *snapshot*) sleep 0.3;; esac; done < fixtures/probe/simulated.ndjson; sleep 600`
    const tmux = new Tmux(t)
    tmux.run(`${PROGRAM} record --out ${recorded} --probe '${slowly}'; echo "left with $?"`)
    await tmux.shows(/ (LIVE|ended) /)
    tmux.paste('make quick\nm rolled back\nq')
    await tmux.shows(/pasted text is no command/)
    tmux.press('Left')
    await tmux.shows((screen) => !screen.includes('pasted text'))
    // As terminals send it that do not mark what is pasted.
    tmux.type('the request queue is quiet')
    await tmux.shows(/pasted text is no command/)
    tmux.press('q')
    await tmux.shows(/q again, or y, ends the recording/)
    tmux.press('q')
    await tmux.shows(/left with \d/)
    const info = ['--import', 'tsx', 'src/main.ts', 'info', recorded, '--format', 'json']
    assert.doesNotMatch(execFileSync('node', info, { cwd: ROOT, encoding: 'utf8' }), /quick|rolled/)
  })

  test('a file is followed during its recording; looking back stays, L returns', async (t) => {
    const growing = join(folder, 'growing.db')
    const permits = join(folder, 'permits')
    execFileSync('mkfifo', [permits])
    // Each line that is written here lets one snapshot through: no machine is too slow to see the recording grow.
    const gate = openSync(permits, 'r+')
    t.after(() => closeSync(gate))
    const allow = (snapshots: number): void => writeFileSync(gate, '\n'.repeat(snapshots))
    const gated = `while read -r l; do case "$l" in *snapshot*) read -r _ <&3;; esac; echo "$l"; done 3< ${permits} < fixtures/probe/simulated.ndjson`
    const recorder = new Tmux(t)
    recorder.run(`${PROGRAM} record --out ${growing} --probe '${gated}' > /dev/null; echo "left with $?"`)
    allow(4)
    await recorder.shows(/recording lo to/)
    const tmux = new Tmux(t)
    tmux.run(`${PROGRAM} replay ${growing} --follow`)
    const clock = (screen: string): string => /\d\d:\d\d:\d\d (?=UTC)/.exec(screen)?.[0] ?? ''
    const end = (screen: string): string => /\d\d:\d\d:\d\d(?=\n (?:LIVE|paused))/.exec(screen)?.[0] ?? ''
    const first = await tmux.shows((screen) => / LIVE .*\? help/s.test(screen) && end(screen) !== '')
    allow(4)
    await tmux.shows((screen) => clock(screen) > clock(first))
    tmux.press('Left')
    const there = await tmux.shows((screen) => screen.includes(' paused ') && end(screen) !== '')
    allow(4)
    await tmux.shows((screen) => end(screen) > end(there))
    assert.equal(clock(tmux.screen), clock(there))
    tmux.press('m')
    await tmux.shows(/text of the marker/)
    tmux.type('seen while recording')
    tmux.press('Enter')
    await tmux.shows(/marked: seen while recording/)
    assert.equal(clock(tmux.screen), clock(there))
    tmux.press('L')
    await tmux.shows((screen) => screen.includes(' LIVE ') && clock(screen) > clock(there))
    allow(100)
    await recorder.shows(/left with 0/)
    await tmux.shows(/ ended /)
    tmux.press('q')
  })
})
