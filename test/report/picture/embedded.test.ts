import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { addressKey, routeKey, type Aggregate } from '../../../src/frame/model/aggregate.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { addMicros, micros } from '../../../src/frame/model/units.ts'
import { classCount, failureCount, type Measurable } from '../../../src/frame/expression/measure.ts'
import type { Subject } from '../../../src/frame/views/drilldown.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { aggregateWithin } from '../../../src/report/data/fleet.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { stepSums } from '../../../src/report/data/steps.ts'
import { reportOf, type Report } from '../../../src/report/formats/report.ts'
import { unpackPicture } from '../../../src/report/picture/packed-picture.ts'
import type { Picture } from '../../../src/report/picture/picture.ts'
import { openRecording } from '../../../src/store/read/reader.ts'
import { backend, frame, HOSTILE, incident, recording, route, START } from '../fake.ts'
import { shop } from '../shop.ts'

const report = (...of: Recording[]): Report =>
  reportOf(of, {
    query: { range: spanOf(of[0]!.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null },
    by: null,
    timeZone: 'Europe/Berlin',
    command: '',
    points: 900,
    slowest: true,
  })
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const heatSum = (picture: Picture, line: number, step: number): number =>
  sum(picture.lines[line]!.heat![step]!.filter((_, i) => i % 2 === 1))
const whole = (of: Report): Picture => unpackPicture(of.page().pictures[0])

/** What the table has in this line. */
function sumOfLine(all: Aggregate, subject: Subject | null): Measurable {
  const backend = all.backends.find((each) => addressKey(each.backend) === subject?.backend)
  return subject === null
    ? all.totals
    : subject.route === null
      ? backend!
      : backend!.routes.find(({ route: of }) => routeKey(of) === subject.route)!
}

const FIXTURES = ['incident', 'gap', 'grpc', 'simulated', 'whole']
const fixture = (name: string): Recording =>
  openRecording(join(import.meta.dirname, `../../../fixtures/recordings/${name}.db`))

describe('the picture in a page', () => {
  for (const name of FIXTURES) {
    it(`has the numbers of the report: ${name}`, () => {
      const of = fixture(name)
      const made = report(of)
      const { range } = made.summary.query
      const picture = whole(made)
      const all = aggregateWithin([of], range)
      for (const line of picture.lines) {
        const table = sumOfLine(all, line.subject)
        assert.equal(sum(line.series.requests), table.requests)
        assert.equal(sum(line.series.answered), table.answered)
        assert.equal(sum(line.series.fivexx), classCount(table, 5))
        assert.equal(sum(line.series.failures), failureCount(table))
        const cells = line.heat!.flatMap((buckets) => buckets.filter((_, i) => i % 2 === 1))
        assert.equal(sum(cells), table.header.sampled)
      }
      of.close()
    })

    it(`has in each column of the heatmap what was sampled of that step: ${name}`, () => {
      const of = fixture(name)
      const made = report(of)
      const picture = whole(made)
      const [, first] = picture.starts[0]!
      for (const { start, aggregate } of stepSums(
        [of],
        made.summary.query.range,
        micros(picture.step * 1e6),
      )) {
        const step = Math.floor((start / 1e6 - first) / picture.step)
        if (picture.starts.length > 1 || step >= picture.count) continue
        assert.equal(heatSum(picture, 0, step), aggregate.totals.header.sampled)
      }
      of.close()
    })
  }

  it('says how many answers the ring lost', () => {
    const all = frame(0, START, [
      { backend: backend('10.0.1.10:8080'), route: route('GET', '/'), times: [10, 20, 30] },
    ])
    const header = { ...all.traffic[0]!.header, sampled: 2, buckets: [10, 1, 18, 1] }
    const made = report(recording([{ ...all, traffic: [{ ...all.traffic[0]!, header }] }]))
    const picture = whole(made)
    assert.equal(heatSum(picture, 0, 0), 2)
    assert.equal(picture.lines[0]!.series.answered[0], 3)
    assert.ok(made.page().facts.doubts.includes('percentiles and heatmaps are of 2 of 3 answers'))
  })

  it('has the finest step that fits, and the order of the tables', () => {
    const { step, lines } = whole(report(incident()))
    assert.equal(step, 1)
    assert.deepEqual(
      lines.filter(({ subject }) => subject?.route === null).map(({ label }) => label),
      ['10.0.1.10:8080', 'checkout · 10.0.1.12:8080'],
    )
    assert.equal(lines[0]!.subject, null)
    assert.ok(lines.some(({ label }) => label.startsWith('GET /x\\x1b[2J|<img')))
    assert.ok(lines.some(({ subject }) => subject?.route === `GET ${HOSTILE}`))
  })
})

describe('what a page knows', () => {
  it('has findings with the subject that they are of, gaps and markers', () => {
    const { facts } = report(incident()).page()
    const failures = facts.findings.find(({ kind }) => kind === 'burst_failures')!
    assert.equal(failures.backend, '4026531840 10.0.1.12:8080')
    assert.equal(failures.route, null)
    assert.deepEqual(facts.gaps, [{ from: START / 1e6 + 100, to: START / 1e6 + 120, reason: 'stopped' }])
    assert.deepEqual(facts.markers, [{ at: START / 1e6 + 115, kind: 'deploy', text: 'v42' }])
    assert.equal(facts.withGrpc, false)
    assert.equal(report(shop()).page().facts.withGrpc, true)
  })

  it('has what was lost in words', () => {
    assert.deepEqual(report(incident()).page().facts.doubts, ['lost: ring_dropped 3, map_refused 2'])
  })
})

describe('a finding that is shorter than the step', () => {
  it('has its seconds in a picture of its own', () => {
    const A = backend('10.0.1.10:8080')
    const codes = (i: number): number[] => (i >= 3000 && i < 3005 ? [500] : [200])
    const frames = Array.from({ length: 7200 }, (_, i) =>
      frame(i, addMicros(START, i * 1e6), [
        { backend: A, route: route('GET', '/'), times: Array<number>(20).fill(1000), codes: codes(i) },
      ]),
    )
    const { facts, pictures } = report(recording(frames)).page()
    assert.equal(pictures[0].step, 5)
    const [burst] = facts.findings
    assert.equal(burst!.to - burst!.from, 5)
    assert.equal(pictures.length, 2)
    const close = unpackPicture(pictures[1]!)
    assert.equal(close.step, 1)
    assert.ok(close.from <= burst!.from - 30 && close.to >= burst!.to + 30)
    const bad = close.lines[0]!.series.bad
    assert.deepEqual(
      bad.flatMap((count, i) => (count > 0 ? [close.from + i] : [])),
      [0, 1, 2, 3, 4].map((i) => burst!.from + i),
    )
  })
})
