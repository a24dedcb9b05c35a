import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { micros } from '../../../../src/frame/model/units.ts'
import { heatScale } from '../../../../src/frame/views/heat.ts'
import { compareCells } from '../../../../src/report/page/state/cells.ts'
import { requestsCommand } from '../../../../src/report/page/state/command.ts'
import { markPlaces } from '../../../../src/report/page/state/mark-places.ts'
import {
  cellText,
  heatNote,
  laneText,
  rangeText,
  spanText,
  stepText,
} from '../../../../src/report/page/state/readout.ts'
import { API, FROM, items, picture, total } from './pictures.ts'

const UTC = { zone: 'UTC', withOffset: false }

test('a step is read out with what happened in it', () => {
  assert.equal(stepText(picture, total, 0, UTC), '00:16:40 · 10 req/s · p50 100µs · p99 900µs')
  assert.equal(
    stepText(picture, total, 1, UTC),
    '00:16:41 · 20 req/s · 2 5xx (10.5%) · 1 failure · p50 200µs · p99 1.0ms',
  )
  assert.equal(stepText(picture, total, 2, UTC), '00:16:42 · nothing was recorded')
})

test('a cell is read out with its span, its answers, and what its step lost', () => {
  const scale = heatScale(total.heat!, 48)
  const row = Math.floor((50 - scale.first) / scale.group)
  assert.match(
    cellText(picture, total, scale, { index: 1, row }, UTC),
    /^00:16:41 · [\d–]+ µs · 18 answers · 1 of this step lost$/,
  )
  assert.match(cellText(picture, total, scale, { index: 0, row: 0 }, UTC), / · 10 answers$/)
  assert.equal(cellText(picture, total, scale, { index: 2, row: 0 }, UTC), '00:16:42 · nothing was recorded')
})

test('a span says its unit once where both ends have the same', () => {
  assert.equal(spanText([micros(180_000), micros(190_000)]), '180–190 ms')
  assert.equal(spanText([micros(900), micros(1100)]), '900 µs–1.1 ms')
  assert.equal(spanText([micros(59_000_000), micros(61_000_000)]), '59s–1m01s')
})

test('a heatmap says what it has, what was lost, and where it has nothing', () => {
  assert.equal(
    heatNote(picture, total),
    '58 answers by 1s; p50 and p99 as lines; 1 more were answered, and their times lost.',
  )
  assert.match(heatNote(picture, items), /no latencies of single routes/)
})

test('a lane can be heard', () => {
  assert.equal(laneText(picture, total, 30), 'all: 60 requests, at most 30 per second, trouble in 5.00%')
})

test('a range has its date once, or both', () => {
  assert.equal(rangeText({ from: FROM, to: FROM + 4 }, UTC), '1970-01-01 00:16:40 – 00:16:44')
  assert.equal(rangeText({ from: FROM, to: FROM + 86_400 }, UTC), '1970-01-01 00:16:40 – 1970-01-02 00:16:40')
})

test('the command is exactly its words, whatever the names are', () => {
  const said = (file: string, route: string): string[] => {
    const command = requestsCommand(file, { from: FROM, to: FROM + 1.5 }, { ...API, route }, 'UTC')
    return execFileSync('bash', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1)
  }
  const range = ['--from', '1970-01-01T00:16:40Z', '--to', '1970-01-01T00:16:41.500Z']
  assert.deepEqual(said('a b.db', 'GET /it’s; rm -rf $HOME'), [
    ...['upstreamtop', 'requests', 'a b.db'],
    ...range,
    ...['--where', "backend = '10.0.1.10:8080' and method = 'GET' and route = '/it’s; rm -rf $HOME'"],
  ])
  assert.deepEqual(said('-x.db', `GET /'"\x1b`).slice(-1), ["backend = '10.0.1.10:8080' and method = 'GET'"])
  assert.deepEqual(said('x.db', `GET /'\x1b`).slice(-1), [
    `backend = '10.0.1.10:8080' and method = 'GET' and route = "/'\x1b"`,
  ])
})

test('marks that would cover each other stand in rows', () => {
  assert.deepEqual(
    markPlaces([0.5, 0.1, 0.51, 0.9]).map(({ row }) => row),
    [0, 0, 1, 0],
  )
  assert.ok(markPlaces(new Array<number>(50).fill(0.5)).every(({ row }) => row < 4))
})

test('cells are sorted by what they mean', () => {
  const cells = ['2.1ms', '–', '450ms', '<0.1', '80µs', '1,234', '12.4k', '0', '2m05s', '3.2s']
  assert.deepEqual(
    [...cells].sort(compareCells),
    ['–', '<0.1', '0', '80µs', '1,234', '2.1ms', '12.4k', '450ms', '3.2s', '2m05s'].sort(compareCells),
  )
  assert.ok(
    compareCells('999µs', '2.1ms') < 0 &&
      compareCells('2m05s', '3.2s') > 0 &&
      compareCells('<0.01%', '0.01%') < 0,
  )
  assert.ok(compareCells('–', '0') < 0 && compareCells('GET', 'POST') < 0)
})
