import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BOARD_DEFAULTS } from '../../../src/frame/views/leaderboard.ts'
import { addMicros, micros, wallMicros } from '../../../src/frame/model/units.ts'
import { MemoryRecording } from '../../../src/replay/data/memory.ts'
import { printFrames, type PrintOptions } from '../../../src/replay/print/print.ts'
import { within } from '../../../src/replay/data/source.ts'
import { assertGolden } from '../../golden.ts'
import { frameOf, START, EXAMPLE_INFO, exampleRecording } from '../example-recording.ts'

const at = (second: number): ReturnType<typeof wallMicros> => addMicros(START, second * 1_000_000)

const OPTIONS: PrintOptions = {
  board: BOARD_DEFAULTS,
  size: { columns: 120, rows: 40 },
  timeZone: 'Europe/Berlin',
  windowSeconds: 1,
  step: null,
  which: { from: START, to: at(200) },
  format: 'text',
  depth: 'none',
}
const frames = (more: Partial<PrintOptions>, of = exampleRecording()): string[] => [
  ...printFrames(of, { ...OPTIONS, ...more }),
]

test('every second is printed, and every gap once', () => {
  const all = frames({})
  assert.equal(all.length, 172 + 1)
  assert.equal(all.filter((text) => text.includes('\nGAP ')).length, 1)
})

test('of a late tick it is said that its counts are of the gap, too', () => {
  const growing = new MemoryRecording(EXAMPLE_INFO)
  growing.append({ ...frameOf(0, START, []), length: micros(4_000_000) })
  const late = frames({}, growing).find((text) => text.includes('\nGAP '))
  assert.match(
    late!,
    /GAP 15:30:01–15:30:04 \(2\.5s, late\): one tick was late; below, it has the counts of this time, too\n/,
  )
})

test('a step prints one second per step, and every gap', () => {
  const stepped = frames({ step: micros(10_000_000) })
  assert.deepEqual(
    stepped.map((text) => /15:3\d:\d\d/.exec(text)?.[0]),
    [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 129, 138, 148, 158, 168, 178].map(
      (second) => `15:3${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}`,
    ),
  )
})

test('a range is half open', () => {
  assert.equal(frames({ which: { from: at(10), to: at(13) } }).length, 3)
})

test('live and replay print the same screen of a second', () => {
  const whole = exampleRecording()
  const growing = new MemoryRecording(EXAMPLE_INFO)
  for (const { seq } of whole.ticks) {
    growing.append(whole.frame(seq)!)
    if (seq % 40 !== 0) continue
    const which = { at: growing.ticks.at(-1)!.start }
    for (const windowSeconds of [1, 5, 60]) {
      assert.deepEqual(frames({ which, windowSeconds }, growing), frames({ which, windowSeconds }))
    }
  }
})

test('a wider window is the sum of its seconds', () => {
  const [five = ''] = frames({ which: { at: at(64) }, windowSeconds: 5, format: 'json' })
  const singles = frames({ which: { from: at(60), to: at(65) }, format: 'json' })
  const requests = (text: string): number =>
    (JSON.parse(text) as { totals: { requests: number } }).totals.requests
  assert.equal(
    requests(five),
    singles.reduce((sum, text) => sum + requests(text), 0),
  )
})

test('JSON has the fields of report --format json, one object per line', () => {
  const [text = ''] = frames({ which: { at: at(65) }, format: 'json' })
  assert.equal(text.indexOf('\n'), text.length - 1)
  assertGolden('screen/burst.json', `${JSON.stringify(JSON.parse(text), null, 2)}\n`)
})

test('another time zone changes only the times', () => {
  const berlin = frames({ which: { at: at(65) } }).join('')
  const utc = frames({ which: { at: at(65) }, timeZone: 'UTC' }).join('')
  assert.equal(
    utc,
    berlin.replaceAll('15:31:', '14:31:').replaceAll('15:30:', '14:30:').replace('Europe/Berlin', 'UTC'),
  )
})

test('a part of a recording has its own span, gaps and markers', () => {
  const part = within(exampleRecording(), { from: at(50), to: at(100) })
  assert.deepEqual([part.info.start, part.info.end, part.ticks.length], [at(50), at(100), 50])
  assert.equal(part.gaps.length, 0)
  assert.equal(part.markers.length, 1)
})

test('as JSON, backends in several network namespaces have its number and name', () => {
  const growing = new MemoryRecording(EXAMPLE_INFO)
  const frame = exampleRecording().frame(20)!
  growing.append({
    ...frame,
    traffic: frame.traffic.flatMap((row) => [
      row,
      { ...row, backend: { ...row.backend, id: row.backend.id + 100, netns: 7, namespace: 'web' } },
    ]),
  })
  const spaces = (of: MemoryRecording): unknown[] => {
    const [text] = frames({ which: { at: of.ticks.at(-1)!.start }, format: 'json' }, of)
    const { backends } = JSON.parse(text!) as { backends: { netns?: number; namespace?: string | null }[] }
    return [...new Set(backends.map(({ netns, namespace }) => `${netns} ${namespace}`))].sort()
  }
  assert.deepEqual(spaces(growing), ['1 null', '7 web'])
  assert.deepEqual(spaces(exampleRecording()), ['undefined undefined'])
})
