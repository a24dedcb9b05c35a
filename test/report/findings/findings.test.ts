import assert from 'node:assert/strict'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Aggregate } from '../../../src/frame/model/aggregate.ts'
import type { Backend } from '../../../src/frame/model/frame.ts'
import { RunningSum } from '../../../src/frame/sum/running-sum.ts'
import { spanOfFrame } from '../../../src/frame/model/span.ts'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import { addMicros, wallMicros } from '../../../src/frame/model/units.ts'
import type { FindingEntry, FindingKind } from '../../../src/report/document/document.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { reportOf } from '../../../src/report/formats/report.ts'
import {
  planSynth,
  type Incident,
  type IncidentKind,
  type SynthPlan,
} from '../../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../../src/simulate/synth.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { backend, frame, recording, route, START, type Traffic } from '../fake.ts'

const SECS = 240

function plan(incidents: readonly Incident[], seed = 3): SynthPlan {
  return planSynth({
    seed,
    secs: SECS,
    backends: 3,
    routes: 4,
    rps: 90,
    requests: 0,
    start: wallMicros(START),
    incidents,
  })
}

function findingsIn(of: Recording): readonly FindingEntry[] {
  const query = { range: spanOf(of.ticks)!, selection: EVERYTHING, order: BY_REQUESTS, top: null }
  return reportOf([of], { query, by: null, timeZone: 'UTC', command: '', points: 2, slowest: false }).document
    .findings
}

const second = (iso: string): number => (Date.parse(iso) * 1000 - START) / 1e6

describe('findings', () => {
  const EXPECTED = {
    '5xx': [
      'burst_5xx',
      /^5xx on 10\.\S+: \d\d\.\d% for \d\ds \([\d,]+ of [\d,]+\), \d+(\.\d\d)?% otherwise$/,
    ],
    slow: ['slow_down', /took \d+\.\d times as long for \d\ds: median \S+ms, \S+ms otherwise$/],
    vanish: ['backend_vanished', /got no requests for \d\ds; \S+ per second otherwise$/],
    appear: ['backend_appeared', /appeared with \S+ requests per second, for \d\ds$/],
    refused: ['backend_refused', /^connections refused or timed out by 10/],
    surge: ['surge', /^traffic was [23]\.\d times the usual for \d\ds/],
    stop: ['stop', /^traffic stopped for \d\ds/],
  } as const satisfies Partial<Record<IncidentKind, readonly [FindingKind, RegExp]>>

  for (const [kind, [found, words]] of Object.entries(EXPECTED) as [
    IncidentKind,
    readonly [FindingKind, RegExp],
  ][]) {
    it(`find a planned ${kind} with its backend and its time within 2 s, and nothing else`, () => {
      const of = plan([{ kind, from: 100, to: 140, backend: null }])
      const findings = findingsIn(recording([...synthFrames(of)]))
      assert.deepEqual(
        findings.map((finding) => finding.kind),
        [found],
      )
      const finding = findings[0]!
      assert.equal(finding.backend, of.planned[0]!.backend?.address ?? null)
      assert.ok(Math.abs(second(finding.from) - 100) <= 2, finding.from)
      assert.ok(Math.abs(second(finding.to) - 140) <= 2, finding.to)
      assert.match(finding.what, words)
    })
  }

  it('include a gap with its reason', () => {
    const frames = [0, 1, 2, 3].map((i) => frame(i, addMicros(START, (i < 2 ? i : i + 30) * 1e6), []))
    const of = recording(frames, {
      gaps: [{ from: addMicros(START, 2e6), to: addMicros(START, 32e6), reason: 'disk_full' }],
    })
    assert.deepEqual(
      findingsIn(of).map(({ kind, what }) => [kind, what]),
      [['gap', 'nothing was recorded for 30s (disk_full)']],
    )
  })

  it('are the same each time', () => {
    const of = recording([
      ...synthFrames(
        plan([
          { kind: '5xx', from: 60, to: 90, backend: 1 },
          { kind: 'slow', from: 150, to: 190, backend: 0 },
        ]),
      ),
    ])
    assert.deepEqual(findingsIn(of), findingsIn(of))
    assert.deepEqual(
      findingsIn(of).map(({ kind }) => kind),
      ['burst_5xx', 'slow_down'],
    )
  })

  it('are none in quiet traffic, for any seed', () => {
    for (let seed = 1; seed <= 12; seed++) {
      assert.deepEqual(findingsIn(recording([...synthFrames(plan([], seed))])), [], `seed ${seed}`)
    }
  })

  it('name the route if one has nearly all failures', () => {
    const [a, b] = [backend('a:1'), backend('b:1')]
    const frames = Array.from({ length: 120 }, (_, i) =>
      frame(i, addMicros(START, i * 1e6), [
        { backend: a, route: route('GET', '/x'), times: [900, 1000, 1100] },
        {
          backend: a,
          route: route('POST', '/pay'),
          times: [900, 1000, 1100],
          codes: i >= 60 && i < 80 ? [502, 200] : [200],
        },
        { backend: b, route: route('GET', '/x'), times: [900, 1000, 1100] },
      ]),
    )
    const [finding, ...others] = findingsIn(recording(frames))
    assert.deepEqual(others, [])
    assert.equal(finding!.route, 'POST /pay')
    assert.equal(finding!.after, 40 / 120)
    assert.equal(finding!.before, 0)
  })

  const [one, two] = [backend('a:1'), backend('b:1')]
  const [x, pay] = [route('GET', '/x'), route('POST', '/pay')]
  /** `count` seconds with 20 answers of each of two backends, unless `at` returns other traffic. */
  const seconds = (count: number, at: (second: number) => readonly Traffic[] | null): Recording =>
    recording(
      Array.from({ length: count }, (_, i) =>
        frame(i, addMicros(START, i * 1e6), at(i) ?? [usually(one, i), usually(two, i)]),
      ),
    )
  const usually = (of: Backend, i: number, answers = 20): Traffic => ({
    backend: of,
    route: x,
    times: Array.from({ length: answers }, (_, k) => 900 + ((i * 37 + k * 61) % 300)),
  })
  const times = ({ from, to }: FindingEntry): number[] => [second(from), second(to)]

  it('take a backend that is renamed for one: it neither vanishes nor appears', () => {
    const [api, shop] = [backend('a:1', { names: ['api'] }), backend('a:1', { names: ['shop'] })]
    const renamed = (i: number): Backend => (i < 60 ? api : shop)
    const rest = (of: Recording): unknown =>
      findingsIn(of).map((finding) => [
        finding.kind,
        finding.backend,
        finding.what.replace(/(a:1).*?(\(.*\))?(,.*)?$/, '$1 $2'),
        ...times(finding),
      ])
    assert.deepEqual(rest(seconds(120, (i) => [usually(renamed(i), i), usually(two, i)])), [])
    // What happens to it under both names is one finding, and is held against its own past.
    const bad = (i: number): Traffic => ({
      ...usually(renamed(i), i),
      codes: Array.from({ length: 20 }, (_, k) => (k < 9 ? 502 : 200)),
    })
    assert.deepEqual(
      rest(seconds(120, (i) => [i >= 50 && i < 70 ? bad(i) : usually(renamed(i), i), usually(two, i)])),
      [['burst_5xx', 'a:1', '5xx on shop · a:1 (180 of 400)', 50, 70]],
    )
    assert.deepEqual(
      rest(
        seconds(120, (i) => [...(i >= 80 && i < 100 ? [] : [usually(renamed(i), i)]), usually(two, i, 40)]),
      ),
      [['backend_vanished', 'a:1', 'shop · a:1 ', 80, 100]],
    )
  })

  it('find a slow tail with an unchanged median, with its limit', () => {
    const of = seconds(240, (i) => {
      const row = usually(one, i)
      const isSlow = i >= 100 && i < 140
      return [
        { ...row, times: row.times.map((time, k) => (isSlow && k < 3 ? 20 * time : time)) },
        usually(two, i),
      ]
    })
    const [finding, ...others] = findingsIn(of)
    assert.deepEqual(others, [])
    assert.deepEqual([finding!.kind, finding!.backend, ...times(finding!)], ['slow_tail', 'a:1', 100, 140])
    assert.equal(
      finding!.what,
      'slow answers on a:1: 15.0% took over 2.0ms for 40s (120 of 800), 0% otherwise',
    )
    assert.deepEqual([finding!.before, finding!.after], [0, 0.15])
  })

  it('name the only slow route, for a large or small share of the backend', () => {
    for (const answers of [3, 20]) {
      const of = seconds(240, (i) => {
        const { times: usual } = usually(one, i, answers)
        const slow = usual.map((time) => (i >= 60 && i < 90 ? 5 * time : time))
        return [usually(one, i), { backend: one, route: pay, times: slow }, usually(two, i)]
      })
      const found = findingsIn(of).map((finding) => [finding.kind, finding.route, ...times(finding)])
      assert.deepEqual(found, [['slow_down', 'POST /pay', 60, 90]], `${answers} per second`)
    }
  })

  it('find incidents shorter than a step of a long recording', () => {
    const stop = seconds(1500, (i) => (i >= 645 && i < 675 ? [] : null))
    assert.deepEqual(
      findingsIn(stop).map((finding) => [finding.kind, ...times(finding)]),
      [['stop', 645, 675]],
    )
    const vanish = seconds(1500, (i) => (i >= 645 && i < 675 ? [usually(two, i, 40)] : null))
    assert.deepEqual(
      findingsIn(vanish).map((finding) => [finding.kind, finding.backend, ...times(finding)]),
      [['backend_vanished', 'a:1', 645, 675]],
    )
  })

  it('do not take low traffic for a stop or a vanished backend', () => {
    const little = seconds(1500, (i) =>
      i >= 600 && i < 780 ? [usually(one, i, 2), usually(two, i, 2)] : null,
    )
    assert.deepEqual(findingsIn(little), [])
    const aside = seconds(1500, (i) =>
      i >= 600 && i < 780 ? [usually(one, i, 2), usually(two, i, 38)] : null,
    )
    assert.deepEqual(findingsIn(aside), [])
  })

  it('end with the burst, despite random errors around it', () => {
    const of = seconds(3000, (i) => {
      const isBurst = i >= 1200 && i < 1380
      const stray = i >= 780 && i < 1800 && i % 20 === 0
      const codes = isBurst ? [502, 200] : stray ? [500, ...new Array<number>(19).fill(200)] : [200]
      return [{ ...usually(one, i), codes }, usually(two, i)]
    })
    assert.deepEqual(
      findingsIn(of).map((finding) => [finding.kind, ...times(finding)]),
      [['burst_5xx', 1200, 1380]],
    )
  })

  it('are none for an empty recording and for a single tick', () => {
    assert.deepEqual(findingsIn(recording([frame(0, START, [])])), [])
  })
})

describe('a running sum', () => {
  it('is the sum of the parts', () => {
    const ticks = fc.array(
      fc.record({
        times: fc.array(fc.integer({ min: 1, max: 1e6 }), { maxLength: 4 }),
        resets: fc.nat(2),
        open: fc.nat(2),
        which: fc.nat(2),
      }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(ticks, (of) => {
        const list = of.map(({ which, ...counts }, i) =>
          frame(i, addMicros(START, i * 1e6), [
            { ...counts, backend: backend(`b:${which}`), route: route('GET', '/') },
          ]),
        )
        const sum = new RunningSum()
        for (const one of list) sum.add(spanOfFrame(one))
        // Rows of a single tick contain their backend: removed for the comparison.
        const plain = (of: Aggregate): unknown => ({
          ...of,
          backends: [...of.backends]
            .sort((x, y) => (x.backend.address < y.backend.address ? -1 : 1))
            .map(({ connection, routes, ...rest }) => ({
              ...rest,
              connection: { ...connection, backend: null },
              routes: routes.map((row) => ({ ...row, backend: null })),
            })),
        })
        assert.deepEqual(plain(sum.total), plain(sumOf(list.map(ofFrame))))
      }),
    )
  })
})
