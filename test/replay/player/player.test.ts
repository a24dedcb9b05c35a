import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { BOARD_DEFAULTS } from '../../../src/frame/views/leaderboard.ts'
import type { Marker, SecondFrame } from '../../../src/frame/model/frame.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import type { PlayOptions } from '../../../src/replay/player/options.ts'
import { play } from '../../../src/replay/player/player.ts'
import { printFrames } from '../../../src/replay/print/print.ts'
import { afterFirstPicture } from '../../../src/replay/data/source.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { FakeTerminal, KEYS, pause } from '../fake-terminal.ts'
import {
  BACKENDS,
  frameOf,
  PLAY_DEFAULTS,
  ROUTES,
  START,
  EXAMPLE_INFO,
  exampleRecording,
} from '../example-recording.ts'

interface Playing {
  readonly terminal: FakeTerminal
  readonly done: Promise<void>
  readonly stop: () => void
}

async function playing(
  t: TestContext,
  more: Partial<PlayOptions> = {},
  { recording, terminal = new FakeTerminal() }: { recording?: Recording; terminal?: FakeTerminal } = {},
): Promise<Playing> {
  const stopping = new AbortController()
  const options: PlayOptions = {
    ...PLAY_DEFAULTS,
    signal: stopping.signal,
    ...more,
  }
  const done = play(recording ?? exampleRecording(), terminal, options)
  t.after(async () => {
    stopping.abort()
    await done.catch(() => undefined)
  })
  await terminal.settled()
  return { terminal, done, stop: () => stopping.abort() }
}

/** The time in the header. */
const clock = ({ lines }: FakeTerminal): string => /\d\d:\d\d:\d\d/.exec(lines[1] ?? '')?.[0] ?? 'none'
const footer = ({ lines }: FakeTerminal): string => lines.at(-1) ?? ''

test('the first picture is the first second, with scrubber and keys below', async (t) => {
  const { terminal } = await playing(t)
  assert.equal(clock(terminal), '15:30:00')
  assert.match(terminal.lines[0]!, /^upstreamtop — nginx upstreams · \d+ req\/s · 1s window/)
  assert.match(terminal.lines.at(-2)!, /^ 15:30:00 [▁-█░]+ 15:33:00$/)
  assert.match(footer(terminal), /paused {2}\? help {2}q quit/)
})

test('the rows on the screen are the rows that --print writes', async (t) => {
  const { terminal } = await playing(t, { begin: { at: addMicros(START, 65_000_000) } })
  const [text = ''] = printFrames(exampleRecording(), {
    board: BOARD_DEFAULTS,
    size: { columns: 120, rows: 36 },
    timeZone: 'Europe/Berlin',
    windowSeconds: 1,
    step: null,
    which: { at: addMicros(START, 65_000_000) },
    format: 'text',
    depth: 'none',
  })
  assert.equal(terminal.lines.slice(0, -3).join('\n').trimEnd(), text.trimEnd())
})

test('a notice takes only the place of the keys, is cut to a narrow screen, and goes with the first key', async (t) => {
  const notice = 'upstreams on unix sockets are not visible: unix:/run/a.sock, unix:/run/b.sock'
  const wide = await playing(t, { notice })
  const without = await playing(t)
  assert.ok(footer(wide.terminal).includes(notice))
  assert.deepEqual(wide.terminal.lines.slice(0, -1), without.terminal.lines.slice(0, -1))
  await wide.terminal.type('t')
  assert.ok(!wide.terminal.lines.join().includes('unix sockets'))
  const narrow = await playing(t, { notice }, { terminal: new FakeTerminal(44, 20) })
  assert.match(footer(narrow.terminal), /upstreams on unix/)
  assert.ok(footer(narrow.terminal).length <= 44)
})

test('arrows move by 1 s, with Shift by 10 s, with Ctrl by 1 min', async (t) => {
  const { terminal } = await playing(t)
  const seen: string[] = []
  for (const key of ['right', 'right', 'left', 'shiftRight', 'ctrlRight', 'shiftLeft', 'ctrlLeft'] as const) {
    await terminal.type(KEYS[key])
    seen.push(clock(terminal))
  }
  assert.deepEqual(seen, ['15:30:01', '15:30:02', '15:30:01', '15:30:11', '15:31:11', '15:31:01', '15:30:01'])
})

test('t and T step, g and G go to the ends, digits to tenths', async (t) => {
  const { terminal } = await playing(t)
  const seen: string[] = []
  for (const key of ['t', 't', 'T', 'G', 'g', '5', '9']) {
    await terminal.type(key)
    seen.push(clock(terminal))
  }
  assert.deepEqual(seen, ['15:30:01', '15:30:02', '15:30:01', '15:32:59', '15:30:00', '15:31:30', '15:32:42'])
})

test('one key from the start lands on the burst, the slow-down, the gap, the vanished backend, the marker', async (t) => {
  const { terminal } = await playing(t)
  const landings: Record<string, string> = {}
  for (const key of ['e', 's', 'x', 'd', 'n']) {
    await terminal.type('g', key)
    await terminal.shows(/burst of|slow-down|gap:|vanishes|marker:/)
    landings[key] = clock(terminal)
  }
  // A gap shows the second before it.
  assert.deepEqual(landings, { e: '15:31:00', s: '15:31:40', x: '15:32:09', d: '15:32:30', n: '15:30:55' })
  await terminal.type('g', 'x')
  assert.match(terminal.text, /GAP 15:32:10–15:32:18 \(8s, stopped\): nothing was recorded/)
  await terminal.type('G', 'E')
  assert.equal(clock(terminal), '15:31:00')
  await terminal.type('g', 'E')
  assert.match(footer(terminal), /no burst of 5xx or failures before this/)
})

test('Space plays and pauses, + and - change the speed, R reverses', async (t) => {
  const { terminal } = await playing(t)
  // From the middle, at most 2×: neither end is reached, even on a busy machine.
  await terminal.type('5', ' ')
  const middle = clock(terminal)
  assert.match(footer(terminal), /▸ 1× .*space pause/)
  await terminal.type('-')
  assert.match(footer(terminal), /▸ 0\.5× /)
  await terminal.type('+', '+')
  assert.match(footer(terminal), /▸ 2× /)
  await terminal.shows(() => clock(terminal) > middle)
  await terminal.type(' ')
  const there = clock(terminal)
  assert.match(footer(terminal), /paused/)
  await terminal.type('R')
  assert.match(footer(terminal), /◂ 2× .*space pause/)
  await terminal.shows(() => clock(terminal) < there)
  await terminal.type(' ')
  assert.ok(clock(terminal) < there)
  assert.match(footer(terminal), /paused/)
})

test('three keys lead from a spike to its requests, and Esc back', async (t) => {
  const { terminal } = await playing(t, { sort: '5xx' })
  await terminal.type('e', KEYS.enter)
  await terminal.shows(/10\.0\.1\.12:8080\n.*req\/s/)
  assert.match(terminal.text, /503: 12/)
  assert.match(terminal.text, /ROUTE {2}\(1\)/)
  await terminal.type(KEYS.enter)
  assert.match(terminal.text, /10\.0\.1\.12:8080 › POST \/checkout/)
  await terminal.type(KEYS.enter)
  assert.match(terminal.text, /15:31:00\.\d+ {2}POST .*\/checkout .* reset/)
  await terminal.type(KEYS.escape, KEYS.escape, KEYS.escape)
  assert.match(terminal.text, /BACKEND/)
})

test('in any order, Enter without a cursor opens the row in trouble', async (t) => {
  const { terminal } = await playing(t, { sort: 'name' })
  await terminal.type('e')
  assert.match(terminal.text, /^! 10\.0\.1\.12:8080/m)
  await terminal.type(KEYS.enter)
  await terminal.shows(/^> POST \/checkout/m)
  await terminal.type(KEYS.enter, KEYS.enter)
  assert.match(terminal.text, /15:31:00\.\d+ {2}POST .*\/checkout .* reset/)
})

test('the page of a backend opens at its failing route', async (t) => {
  const recording = new MemoryRecording(exampleRecording().info)
  const { orders } = BACKENDS
  recording.append(
    frameOf(0, START, [
      { backend: orders, route: ROUTES.health, requests: 9, headerMs: 1 },
      { backend: orders, route: ROUTES.orders, requests: 5, headerMs: 2, fivexx: 5 },
    ]),
  )
  const { terminal } = await playing(t, {}, { recording })
  await terminal.type(KEYS.enter)
  await terminal.shows(/^> GET \/api\/orders/m)
  await terminal.type(KEYS.up)
  assert.match(terminal.text, /^> GET \/healthz/m)
})

test('the cursor selects rows and Enter opens the selected one', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type(KEYS.down, KEYS.down, KEYS.down, KEYS.down, KEYS.down)
  const row = terminal.lines.findIndex((text) => text.startsWith('>'))
  assert.match(terminal.lines[row]!, /10\.0\.1\.11:8080/)
  assert.ok(terminal.cell(row, 10).inverse)
  await terminal.type(KEYS.enter)
  await terminal.shows(/^10\.0\.1\.11:8080$/m)
})

test('/ filters, and Esc removes the filter', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type('/', 'checkout')
  assert.match(footer(terminal), /filter backends and routes: checkout/)
  await terminal.type(KEYS.enter)
  assert.doesNotMatch(terminal.text, /10\.0\.1\.11:8080/)
  assert.match(terminal.lines[1]!, /filter "checkout"/)
  await terminal.type(KEYS.escape)
  assert.match(terminal.text, /10\.0\.1\.11:8080/)
})

test('a digit in a prompt is text, not a key', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type('b', '15:31:05', KEYS.enter)
  assert.equal(clock(terminal), '15:31:05')
  await terminal.type(':', '-5s', KEYS.enter)
  assert.equal(clock(terminal), '15:32:55')
  await terminal.type('b', '@deploy', KEYS.enter)
  assert.equal(clock(terminal), '15:30:55')
  await terminal.type('b', '99:99', KEYS.enter)
  assert.match(footer(terminal), /"99:99" is not a time of day/)
})

test('o, < and > change the order, w the window', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type('o', 'o')
  assert.match(terminal.lines[1]!, /by avg/)
  await terminal.type('>', '>', '<')
  assert.match(terminal.lines[1]!, /by p50/)
  await terminal.type('w')
  assert.match(terminal.lines[0]!, /5s window/)
  await terminal.type('w', 'w')
  assert.match(terminal.lines[0]!, /60s window/)
  await terminal.type('w')
  assert.match(terminal.lines[0]!, /1s window/)
})

test('a terminal that shows only ASCII gets bars, keys and help in ASCII', async (t) => {
  const terminal = new FakeTerminal(120, 36, 'none', true)
  await playing(t, {}, { terminal })
  assert.match(terminal.lines.at(-2)!, /^ 15:30:00 [_.:\-=+*#/]+ 15:33:00$/)
  assert.match(footer(terminal), /Left Right 1s {2}Up Down Enter look closer/)
  await terminal.type('?')
  assert.match(terminal.text, /Shift Left Right 10 s/)
  await terminal.type('?', KEYS.enter)
  await terminal.shows(/requests per second/)
  assert.doesNotMatch(terminal.written, /[^\0-\x7f]/)
})

test('m asks for a text and sets a marker at this second', async (t) => {
  const set: Marker[] = []
  const { terminal } = await playing(t, { mark: (marker) => set.push(marker) })
  await terminal.type('t', 't', 'm', 'it began here')
  assert.equal(set.length, 0)
  await terminal.type(KEYS.enter)
  assert.deepEqual(set, [{ at: addMicros(START, 2_000_000), kind: 'note', text: 'it began here' }])
  assert.match(footer(terminal), /marked: it began here/)
  await terminal.type('m', 'no', KEYS.escape)
  assert.equal(set.length, 1)
})

test('pasted text is no command; in a prompt it is text, and its line end no Enter', async (t) => {
  const set: Marker[] = []
  const { terminal } = await playing(t, { mark: (marker) => set.push(marker) })
  const before = clock(terminal)
  for (const text of ['\u001b[200~m e q\rR\u001b[201~', 'make quick\nm rolled back\n', 'Great queue\n']) {
    await terminal.type(text)
    assert.match(footer(terminal), /paused {2}pasted text is no command/)
    assert.equal(clock(terminal), before)
  }
  await terminal.type('m', '\u001b[200~rolled\r\nback \u0007\u001b[201~')
  assert.match(footer(terminal), /text of the marker to set here: rolled back/)
  assert.deepEqual(set, [])
  await terminal.type('to 4711\rqGmore\r')
  assert.deepEqual(
    set.map(({ text }) => text),
    ['rolled back to 4711'],
  )
  assert.equal(clock(terminal), before)
})

test('text that arrives with the key of its prompt fills the prompt', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type('/checkout')
  assert.match(footer(terminal), /filter backends and routes: checkout/)
})

test('where leaving ends more than the screen, q asks once; a key of the same moment is no answer', async (t) => {
  const { terminal, done } = await playing(t, { leaving: 'q again ends it' })
  await terminal.type('q')
  assert.match(footer(terminal), /q again ends it/)
  await terminal.type('t', 'q')
  assert.match(footer(terminal), /q again ends it/)
  await terminal.type('\u001b[200~q\u001b[201~', 'qq')
  assert.match(footer(terminal), /q again ends it/)
  assert.ok(terminal.isAlternate)
  await terminal.type('q')
  await done
  for (const answer of ['y', '\u0003']) {
    const other = await playing(t, { leaving: 'q again ends it' })
    await other.terminal.type(...(answer === 'y' ? ['q', 'y'] : [answer]))
    await other.done
  }
})

const RIGHT = ['\u001b', '[', 'C'] as const
for (const [name, pieces] of [
  ['before the bracket', [RIGHT[0], RIGHT[1] + RIGHT[2]]],
  ['behind the bracket', [RIGHT[0] + RIGHT[1], RIGHT[2]]],
] as const) {
  test(`an arrow that a slow line cuts ${name} is an arrow`, async (t) => {
    const { terminal } = await playing(t)
    terminal.input.write(pieces[0])
    await pause(200)
    await terminal.type(pieces[1])
    assert.equal(clock(terminal), '15:30:01')
  })
}

test('a marker that cannot be written is reported', async (t) => {
  const refused = await playing(t)
  await refused.terminal.type('m')
  assert.match(footer(refused.terminal), /no marker can be set/)
  const failing = await playing(t, {
    mark: () => {
      throw new Error('the disk is full')
    },
  })
  await failing.terminal.type('m', 'x', KEYS.enter)
  assert.match(footer(failing.terminal), /not marked: the disk is full/)
})

test('y shows the command for this frame, and prints it at the end', async (t) => {
  const { terminal, done } = await playing(t)
  await terminal.type('t', 'y')
  const command = `upstreamtop replay incident.db --at ${addMicros(START, 1_000_000)}`
  assert.ok(footer(terminal).includes(command), footer(terminal))
  await terminal.type('q')
  await done
  await terminal.settled()
  assert.ok(terminal.text.includes(command))
})

test('a second whose time occurs twice has no command, and y shows the reason', async (t) => {
  const recording = new MemoryRecording(exampleRecording().info)
  for (let seq = 0; seq < 20; seq++)
    recording.append(frameOf(seq, addMicros(START, (seq % 10) * 1_000_000), []))
  const { terminal } = await playing(t, {}, { recording })
  await terminal.type('t', 'y')
  assert.match(footer(terminal), /upstreamtop replay/)
  await terminal.type('G', 'y')
  assert.match(footer(terminal), /no command shows this: the clock was set back/)
})

test('? shows every key, and ? closes the help', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type('?')
  assert.match(terminal.text, /upstreamtop — keys/)
  assert.match(terminal.text, /burst of 5xx or failures/)
  await terminal.type('?')
  assert.doesNotMatch(terminal.text, /— keys/)
})

test('live shows new ticks, stays when looking back, and L returns', async (t) => {
  const recording = new MemoryRecording({ ...exampleRecording().info, file: 'live', complete: false })
  const append = (second: number): void =>
    recording.append(
      frameOf(second, addMicros(START, second * 1_000_000), [
        { backend: BACKENDS.orders, route: ROUTES.orders, requests: 10 + second, headerMs: 2 },
      ]),
    )
  const { terminal } = await playing(
    t,
    {
      begin: 'live',
      isLive: true,
      growth: (listener) => {
        recording.onGrowth(listener)
        return () => recording.onGrowth(null)
      },
    },
    { recording },
  )
  assert.match(terminal.text, /waiting for the first second/)
  for (let second = 0; second < 5; second++) append(second)
  await terminal.settled()
  assert.equal(clock(terminal), '15:30:04')
  assert.match(footer(terminal), / LIVE .*space pause/)
  await terminal.type(KEYS.left, KEYS.left)
  append(5)
  await terminal.settled()
  assert.equal(clock(terminal), '15:30:02')
  await terminal.type('L')
  append(6)
  await terminal.settled()
  assert.equal(clock(terminal), '15:30:06')
})

test('a followed recording shows its end', async (t) => {
  class Ending extends MemoryRecording {
    hasEnded = false
    override get info(): Recording['info'] {
      return { ...super.info, complete: this.hasEnded }
    }
  }
  const recording = new Ending(EXAMPLE_INFO)
  exampleRecording(recording)
  let look = (): void => undefined
  const growth: PlayOptions['growth'] = (listener) => {
    look = listener
    return () => undefined
  }
  const { terminal } = await playing(t, { begin: 'live', isLive: true, growth }, { recording })
  look()
  await terminal.settled()
  assert.match(footer(terminal), /^ LIVE /)
  recording.hasEnded = true
  look()
  await terminal.settled()
  assert.match(footer(terminal), /^ ended /)
})

test('when the oldest ticks in memory are removed, the screen stays at its place', async (t) => {
  const recording = new MemoryRecording({ ...exampleRecording().info, file: 'live' }, 32)
  const append = (second: number): void =>
    recording.append(frameOf(second, addMicros(START, second * 1_000_000), []))
  for (let second = 0; second < 32; second++) append(second)
  const growth: PlayOptions['growth'] = (listener) => {
    recording.onGrowth(listener)
    return () => recording.onGrowth(null)
  }
  const { terminal } = await playing(
    t,
    { begin: { at: addMicros(START, 20_000_000) }, growth },
    { recording },
  )
  for (let second = 32; second < 40; second++) append(second)
  await terminal.settled()
  assert.equal(clock(terminal), '15:30:20')
  assert.ok(recording.ticks.length <= 32)
})

test('a new window size is drawn at once', async (t) => {
  const { terminal } = await playing(t)
  terminal.resize(60, 20)
  await terminal.settled()
  assert.match(footer(terminal), /paused/)
  assert.ok(terminal.lines.every((text) => text.length <= 60))
  terminal.resize(200, 60)
  await terminal.settled()
  assert.match(terminal.text, /total p99/)
  assert.match(footer(terminal), /paused/)
})

test('a terminal of unknown size is taken as 80x24', async (t) => {
  const terminal = new FakeTerminal(80, 24)
  Object.assign(terminal.output, { columns: 0, rows: 0 })
  await playing(t, {}, { terminal })
  assert.match(footer(terminal), /paused {2}\? help .* filter/)
})

test('an unchanged picture writes nothing, and a small change little', async (t) => {
  const { terminal } = await playing(t)
  const before = terminal.written.length
  await terminal.type('z')
  assert.equal(terminal.written.length, before)
  await terminal.type('t')
  assert.ok(terminal.written.length - before < 8000, `${terminal.written.length - before}`)
  assert.ok(terminal.written.includes('\u001b[?2026h'))
})

for (const [way, leave] of [
  ['q', async (p: Playing) => p.terminal.type('q')],
  ['Ctrl-C', async (p: Playing) => p.terminal.type('\u0003')],
  ['a signal', (p: Playing) => p.stop()],
  ['a terminal that is closed', (p: Playing) => p.terminal.input.end()],
] as const) {
  test(`the terminal is restored after ${way}`, async (t) => {
    const player = await playing(t)
    assert.ok(player.terminal.isAlternate)
    assert.ok(player.terminal.isRaw)
    assert.ok(player.terminal.written.includes('\u001b[?2004h'))
    await leave(player)
    await player.done
    await player.terminal.settled()
    assert.ok(!player.terminal.isAlternate)
    assert.ok(!player.terminal.isRaw)
    assert.ok(player.terminal.written.includes('\u001b[?2004l'))
    assert.ok(player.terminal.written.endsWith('\u001b[?25h\u001b[?1049l'))
  })
}

test('the terminal is restored after an error, which is rethrown', async (t) => {
  class Breaking extends MemoryRecording {
    #reads = 0
    override frame(seq: number): SecondFrame | null {
      if (++this.#reads > 60) throw new Error('the disk is gone')
      return super.frame(seq)
    }
  }
  const recording = exampleRecording(new Breaking(EXAMPLE_INFO))
  const { terminal, done } = await playing(t, {}, { recording })
  const failed = assert.rejects(done, /the disk is gone/)
  await terminal.type('G', 'g', '5')
  await failed
  assert.ok(!terminal.isAlternate)
})

async function playingHoled(t: TestContext): Promise<FakeTerminal> {
  const holed = join(import.meta.dirname, '../../../fixtures/recordings/holed.db')
  const recording = openRecording(holed, { outline: true })
  t.after(() => recording.close())
  const { start } = recording.info
  recording.focus({ from: start, to: start })
  const { terminal } = await playing(t, { growth: afterFirstPicture }, { recording })
  return terminal
}

test('damage found during play is reported, and is a gap from then on', async (t) => {
  const terminal = await playingHoled(t)
  const isSaid = (): boolean => /paused {2}\d+ of 90 ticks are lost/.test(footer(terminal))
  for (let i = 0; i < 30 && !isSaid(); i++) await terminal.type(KEYS.right)
  assert.ok(isSaid(), footer(terminal))
  await terminal.type('g', 'x')
  await terminal.shows(/GAP .*damaged/)
})

test('damage not yet reached can be jumped to', async (t) => {
  const terminal = await playingHoled(t)
  await terminal.shows(/ticks are lost/)
  await terminal.type('x')
  await terminal.shows(/GAP .*damaged/)
})

test('a recording from standard input has no command, and y shows the reason', async (t) => {
  const { terminal } = await playing(t, { command: null })
  await terminal.type('y')
  assert.match(footer(terminal), /standard input/)
})

test('without colour ! marks trouble and > the cursor', async (t) => {
  const { terminal } = await playing(
    t,
    {},
    { recording: exampleRecording(), terminal: new FakeTerminal(100, 36, 'none') },
  )
  await terminal.type('e', KEYS.down)
  assert.ok(
    terminal.lines.some((text) => text.startsWith('! 10.0.1.12:8080') || text.startsWith('!10.0.1.12')),
  )
  assert.ok(terminal.lines.some((text) => text.startsWith('> ')))
  assert.doesNotMatch(terminal.written, /\u001b\[[0-9;]*m(?!\u001b\[\?)/)
})

test('in colour a failing row is red and a slow one yellow', async (t) => {
  const { terminal } = await playing(t)
  await terminal.type('e')
  const row = terminal.lines.findIndex((text) => text.startsWith('! 10.0.1.12:8080'))
  const fivexx = terminal.lines[row]!.indexOf('5xx')
  assert.equal(terminal.cell(row, fivexx).foreground, 1)
  const avg = terminal.lines[row]!.indexOf('ms')
  assert.equal(terminal.cell(row, avg).foreground, 3)
})

test('idle time is shortened to --idle-limit', async (t) => {
  const recording = new MemoryRecording({ ...exampleRecording().info })
  for (let second = 0; second < 60; second++) {
    const busy = second === 0 || second === 59
    recording.append(
      frameOf(
        second,
        addMicros(START, second * 1_000_000),
        busy ? [{ backend: BACKENDS.orders, route: ROUTES.orders, requests: 5, headerMs: 2 }] : [],
      ),
    )
  }
  const { terminal } = await playing(
    t,
    { idleLimit: micros(200_000), playing: true, speed: 8 },
    { recording },
  )
  await terminal.shows(/15:30:59/)
})
