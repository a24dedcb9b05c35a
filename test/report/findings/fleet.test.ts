/** Findings over several hosts: a host that begins, pauses or ends is no change of the traffic. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EVERYTHING } from '../../../src/frame/expression/selection.ts'
import type { Backend, SecondFrame } from '../../../src/frame/model/frame.ts'
import type { Recording } from '../../../src/frame/model/recording.ts'
import { spanOfFrame } from '../../../src/frame/model/span.ts'
import { addMicros, wallMicros } from '../../../src/frame/model/units.ts'
import { spanOf } from '../../../src/frame/time/time.ts'
import type { FindingEntry } from '../../../src/report/document/document.ts'
import { BY_REQUESTS } from '../../../src/report/data/order.ts'
import { durationOf } from '../../../src/report/data/slowest.ts'
import { reportOf, type Report } from '../../../src/report/formats/report.ts'
import { planSynth, type Incident } from '../../../src/simulate/synth-plan.ts'
import { synthFrames } from '../../../src/simulate/synth.ts'
import { backend, frame, recording, route, START, type Traffic } from '../fake.ts'

interface Host {
  /** seconds after START */
  readonly from: number
  readonly to: number
  readonly rps?: number
  readonly backends?: number
  /** rows of the request ring kept a tick */
  readonly ring?: number
  /** seconds after START */
  readonly incidents?: readonly Incident[]
}

/** Each host has a network namespace of its own, as hosts do. */
function fleet(hosts: readonly Host[]): Recording[] {
  return hosts.map(({ from, to, rps = 90, backends = 3, ring = 0, incidents = [] }, i) => {
    const plan = planSynth({
      seed: i + 1,
      secs: to - from,
      backends,
      routes: 4,
      rps,
      requests: ring,
      start: addMicros(START, from * 1e6),
      incidents: incidents.map((each) => ({ ...each, from: each.from - from, to: each.to - from })),
    })
    return ofHost(i, [...synthFrames(plan)])
  })
}

function ofHost(i: number, frames: readonly SecondFrame[]): Recording {
  const own = <T extends { readonly backend: Backend }>(row: T): T => ({
    ...row,
    backend: { ...row.backend, netns: 4026531840 + i },
  })
  const named = frames.map((each) => ({
    ...each,
    traffic: each.traffic.map(own),
    connections: each.connections.map(own),
  }))
  return recording(named, { info: { host: `web${i + 1}`, file: `web${i + 1}.db` } })
}

const findingsIn = (recordings: readonly Recording[]): readonly FindingEntry[] =>
  reportOn(recordings).document.findings

function reportOn(recordings: readonly Recording[]): Report {
  const spans = recordings.map(({ ticks }) => spanOf(ticks)!)
  const range = {
    from: wallMicros(Math.min(...spans.map(({ from }) => from))),
    to: wallMicros(Math.max(...spans.map(({ to }) => to))),
  }
  const query = { range, selection: EVERYTHING, order: BY_REQUESTS, top: null }
  const request = { query, by: null, timeZone: 'UTC', command: '', points: 2, slowest: true }
  return reportOf(recordings, request)
}

const second = (iso: string): number => (Date.parse(iso) * 1000 - START) / 1e6
const shown = (findings: readonly FindingEntry[]) =>
  findings.map(({ kind, from, to, what }) => `${kind} ${second(from)}–${second(to)} ${what}`)

describe('findings over several hosts are none of a quiet fleet', () => {
  for (const [name, hosts] of Object.entries<readonly Host[]>({
    'whose hosts begin five seconds apart': [
      { from: 0, to: 600 },
      { from: 5, to: 605 },
    ],
    'of which one begins three minutes later': [
      { from: 0, to: 600 },
      { from: 180, to: 780 },
    ],
    'whose clocks are apart': [
      { from: 0, to: 600 },
      { from: -49, to: 551 },
      { from: 0, to: 600 },
    ],
    'of which each takes over from another': [
      { from: 0, to: 200 },
      { from: 200, to: 400 },
      { from: 400, to: 600 },
    ],
    'of which one has most of the traffic, and comes late': [
      { from: 0, to: 600, rps: 20 },
      { from: 300, to: 600, rps: 300 },
    ],
    'of which one has most of the traffic, and goes early': [
      { from: 0, to: 250, rps: 300 },
      { from: 0, to: 600, rps: 20 },
      { from: 30, to: 600, rps: 20 },
    ],
    'of which one alone has some backends': [
      { from: 0, to: 600, backends: 2 },
      { from: 200, to: 500, backends: 5 },
    ],
    'of many hosts that come one by one': Array.from({ length: 6 }, (_, i) => ({ from: i * 60, to: 600 })),
  })) {
    it(name, () => assert.deepEqual(shown(findingsIn(fleet(hosts))), []))
  }

  const [x, shop] = [route('GET', '/x'), backend('10.0.1.10:8080')]
  const host = (i: number, [from, to]: readonly [number, number], traffic: Partial<Traffic>): Recording =>
    ofHost(
      i,
      Array.from({ length: to - from }, (_, k) =>
        frame(k, addMicros(START, (from + k) * 1e6), [
          {
            backend: shop,
            route: x,
            times: Array.from({ length: 20 }, (_, n) => 900 + ((k * 37 + n * 61) % 300)),
            ...traffic,
          },
        ]),
      ),
    )

  it('of which one always has more 5xx', () => {
    const bad = { codes: [503, ...new Array<number>(19).fill(200)] }
    assert.deepEqual(shown(findingsIn([host(0, [0, 600], {}), host(1, [180, 400], bad)])), [])
    assert.deepEqual(shown(findingsIn([host(0, [0, 300], {}), host(1, [300, 400], bad)])), [])
  })
  it('of which one is always slow, or slow at times', () => {
    const slow = { times: Array.from({ length: 20 }, (_, n) => 9000 + n * 61) }
    const tail = { times: Array.from({ length: 20 }, (_, n) => (n % 5 === 0 ? 90_000 : 1000) + n) }
    assert.deepEqual(shown(findingsIn([host(0, [0, 600], {}), host(1, [180, 400], slow)])), [])
    assert.deepEqual(shown(findingsIn([host(0, [0, 600], {}), host(1, [180, 400], tail)])), [])
  })
  it('that pauses: a gap is a finding of its own, and names its host', () => {
    const [first, second] = fleet([
      { from: 0, to: 600 },
      { from: 0, to: 600 },
    ])
    const paused = { ...second!, ticks: second!.ticks.filter(({ seq }) => seq < 200 || seq >= 320) }
    const gaps = [{ from: addMicros(START, 200e6), to: addMicros(START, 320e6), reason: 'stopped' as const }]
    assert.deepEqual(shown(findingsIn([first!, { ...paused, gaps }])), [
      'gap 200–320 web2 recorded nothing for 2m00s (stopped)',
    ])
  })
})

describe('findings over several hosts', () => {
  const EXPECTED = {
    '5xx': 'burst_5xx',
    slow: 'slow_down',
    vanish: 'backend_vanished',
    refused: 'backend_refused',
    surge: 'surge',
    stop: 'stop',
    appear: 'backend_appeared',
  } as const
  for (const [kind, found] of Object.entries(EXPECTED)) {
    it(`are one for all, of ${kind}, with its second`, () => {
      const incidents = [{ kind: kind as Incident['kind'], from: 240, to: 330, backend: 1 }]
      for (const hosts of kind === '5xx' || kind === 'surge' ? [2, 6] : [2]) {
        const findings = findingsIn(
          fleet(Array.from({ length: hosts }, (_, i) => ({ from: i * 5, to: 600 + i * 7, incidents }))),
        )
        assert.deepEqual(
          findings.map((finding) => finding.kind),
          [found],
          shown(findings).join('\n'),
        )
        const [from, to] = [second(findings[0]!.from), second(findings[0]!.to)]
        assert.ok(Math.abs(from - 240) <= 2 && Math.abs(to - 330) <= 2, shown(findings).join('\n'))
      }
    })
  }

  it('are found where only one host has it, whether it begins late or not', () => {
    const incidents = [{ kind: '5xx' as const, from: 300, to: 420, backend: 1 }]
    for (const from of [0, 240]) {
      const findings = findingsIn(
        fleet([
          { from: 0, to: 600 },
          { from: 0, to: 600 },
          { from, to: 620, incidents },
        ]),
      )
      assert.deepEqual(
        findings.map(({ kind }) => kind),
        ['burst_5xx'],
      )
    }
  })

  it('end where the recordings of the backend’s hosts end', () => {
    const gone = [{ kind: 'vanish' as const, from: 300, to: 480, backend: 2 }]
    const findings = findingsIn(
      fleet([
        { from: 0, to: 700, backends: 2 },
        { from: 60, to: 480, backends: 3, incidents: gone },
      ]),
    )
    assert.deepEqual(
      findings.map(({ kind, from, to }) => [kind, second(from), second(to)]),
      [['backend_vanished', 300, 480]],
    )
  })

  it('are looked for in minutes where there are many hosts, and in the seconds of three', () => {
    const incidents = [{ kind: '5xx' as const, from: 300, to: 330, backend: 1 }]
    const runs: number[] = []
    const hosts = fleet(Array.from({ length: 5 }, () => ({ from: 0, to: 600, rps: 30, incidents }))).map(
      (each): Recording => ({
        ...each,
        spans: ({ from, to }) => {
          runs.push(to - from)
          return Array.from({ length: to - from }, (_, i) => spanOfFrame(each.frame(from + i)!))
        },
        aggregate: (range) => {
          runs.push(range.to - range.from)
          return each.aggregate(range)
        },
      }),
    )
    const [finding, ...others] = findingsIn(hosts)
    assert.deepEqual(others, [])
    assert.deepEqual([second(finding!.from), second(finding!.to)], [300, 330])
    const ticks = runs.filter((length) => length < 30).length
    assert.ok(ticks <= 3 * 180, `${ticks} ticks were read`)
  })
})

describe('a backend of several hosts', () => {
  it('is one, by its address; one in a further namespace of a host is another', () => {
    const [own, container] = [backend('10.0.1.10:8080'), backend('10.0.1.10:8080', { netns: 7 })]
    const [times, x] = [[1000, 1100], route('GET', '/x')]
    const containers = recording(
      Array.from({ length: 300 }, (_, i) =>
        frame(i, addMicros(START, i * 1e6), [
          { backend: own, route: x, times },
          ...(i < 100 ? [] : [{ backend: container, route: x, times: [500] }]),
        ]),
      ),
      { info: { host: 'web1' } },
    )
    const plain = ofHost(
      1,
      Array.from({ length: 300 }, (_, i) =>
        frame(i, addMicros(START, (i + 30) * 1e6), [{ backend: own, route: x, times }]),
      ),
    )
    const { summary, document } = reportOn([containers, plain])
    assert.deepEqual(
      summary.selected.backends.map((sum) => [sum.backend.netns, sum.requests]),
      [
        [0, 1200],
        [7, 200],
      ],
    )
    assert.deepEqual(
      document.findings.map(({ kind, from }) => [kind, second(from)]),
      [['backend_appeared', 100]],
    )
  })
})

describe('the slowest requests of several hosts', () => {
  it('are those of all, though only the rings of the slowest are read', () => {
    for (const hosts of [2, 6]) {
      const recordings = fleet(
        Array.from({ length: hosts }, (_, i) => ({ from: i, to: 500, rps: 20, ring: 20 })),
      )
      const all = recordings.flatMap((each) => [
        ...each.requests({ from: 0, to: each.ticks.at(-1)!.seq + 1 }),
      ])
      const slowest = all.map(durationOf).sort((a, b) => b - a)
      assert.ok(slowest.length > 1000)
      assert.deepEqual(reportOn(recordings).slowest.map(durationOf), slowest.slice(0, 10))
    }
  })
})
