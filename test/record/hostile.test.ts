/** Lines that our helper never writes. The tests check that the valid lines around them keep their effect. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SecondFrame } from '../../src/frame/model/frame.ts'
import { readSource, type Skipped } from '../../src/record/source.ts'
import type { RequestColumns, WireLine } from '../../src/record/wire.ts'
import { backend, hello, route, snapshot } from './wire-lines.ts'
import type { TrafficColumns } from '../../src/record/rows.generated.ts'

const row = (requests: number, changes: Readonly<Record<number, unknown>> = {}): TrafficColumns =>
  Object.assign(
    [7, requests, requests, 0, 0, 0, 0, 0, 0, 0, 0, '0', requests, '0', 0, [200, requests], [], []],
    changes,
  ) as unknown as TrafficColumns
const tick = (second: number, ...rows: readonly TrafficColumns[]): WireLine =>
  snapshot(second, { traffic: rows })
const names = [hello, backend, route(7, '/a')]

/** The requests of each tick, and the number of skipped lines and rows. */
async function ticks(...lines: readonly (WireLine | string)[]): Promise<Ticks> {
  return await ticksOf(lines)
}

async function ticksOf(lines: readonly (WireLine | string)[]): Promise<Ticks> {
  const frames: SecondFrame[] = []
  let skipped: Skipped | null = null
  const kinds: string[] = []
  for await (const event of readSource(textOf(lines))) {
    kinds.push(event.kind)
    if (event.kind === 'frame') frames.push(event.frame)
    if (event.kind === 'skipped') skipped = event.skipped
  }
  const requests = frames.map(({ traffic }) => traffic.reduce((sum, { requests }) => sum + requests, 0))
  const { lines: bad = 0, rows = 0 } = (skipped ?? {}) as Partial<Skipped>
  return { frames, requests, bad, rows, kinds }
}

interface Ticks {
  readonly frames: readonly SecondFrame[]
  readonly requests: readonly number[]
  readonly bad: number
  readonly rows: number
  readonly kinds: readonly string[]
}

async function* textOf(lines: readonly (WireLine | string)[]): AsyncGenerator<string> {
  for (const line of lines)
    yield await Promise.resolve(typeof line === 'string' ? line : JSON.stringify(line))
}

const json = (line: WireLine, from: string, to: string): string => {
  const text = JSON.stringify(line)
  assert.ok(text.includes(from), `${from} is in the line`)
  return text.replace(from, to)
}

const raw = (line: WireLine, where: string, bytes: string): string => json(line, where, where + bytes)

for (const [name, bytes] of [
  ['NUL', '\0'],
  ['a control', '\u0001'],
  ['an escape sequence', '\u001b[2J'],
  ['a tab', '\t'],
  ['an escaped NUL', '\\u0000'],
  ['a lone surrogate', '\\ud800'],
  ['another', '\\udc00'],
  ['a lone surrogate that is not escaped', '\ud800'],
] as const) {
  test(`a name with ${name} in it costs no row and no tick`, async () => {
    for (const line of [hello, backend, route(7, '/a')]) {
      const where = line === hello ? 'web1' : line === backend ? '10.0.1.10:8080' : '/a'
      const lines = names.map((of) => (of.type === line.type ? raw(of, where, bytes) : of))
      const { requests, bad, rows } = await ticks(...lines, tick(0, row(0)), tick(1, row(5)), tick(2, row(9)))
      assert.deepEqual([requests, bad, rows], [[5, 4], 0, 0], line.type)
    }
    const bye = raw({ type: 'bye', reason: 'end' }, 'end', bytes)
    const { kinds } = await ticks(...names, tick(0, row(0)), tick(1, row(5)), bye)
    assert.deepEqual(kinds.slice(-2), ['frame', 'bye'])
  })
}

test('NULs and blanks around a line and between its values, and a byte order mark, cost no tick', async () => {
  const good = JSON.stringify(tick(1, row(5)))
  const spoilt = [
    `\0\0\0${good}`,
    `${good}\0`,
    `\ufeff${good}`,
    `\r \0${good}\r`,
    good.replaceAll(',', ',\0'),
    good.replace('{', '{\u0001'),
  ]
  for (const line of spoilt) {
    const { requests, bad } = await ticks(
      `\ufeff${JSON.stringify(hello)}`,
      backend,
      route(7, '/a'),
      tick(0, row(0)),
      line,
      tick(2, row(9)),
    )
    assert.deepEqual([requests, bad], [[5, 4], 0], JSON.stringify(line.slice(0, 20)))
  }
})

test('a number with a NUL in it is no number: what it was nobody knows', async () => {
  const { requests, bad } = await ticks(
    ...names,
    tick(0, row(0)),
    json(tick(1, row(15)), '[7,15', '[7,1\u00005'),
    tick(2, row(19)),
  )
  assert.deepEqual([requests, bad], [[19], 1])
})

const at = (second: number, line: WireLine): WireLine =>
  ({ ...line, mono_ns: String(second * 1_000_000_000), boot_ns: String(second * 1_000_000_000) }) as WireLine

for (const [name, second] of [
  ['of long ago', 0],
  ['of hours later', 40_000],
  ['of months later', 9_000_000],
  ['of years later', 900_000_000],
] as const) {
  test(`a snapshot with a clock ${name} among good ones costs no tick but its own`, async () => {
    const { frames, requests, bad } = await ticks(
      ...names,
      tick(0, row(0)),
      tick(1, row(5)),
      at(second, tick(2, row(6))),
      tick(2, row(9)),
      tick(3, row(11)),
    )
    assert.deepEqual([requests, bad], [[5, 4, 2], 1])
    assert.deepEqual(
      frames.map(({ length }) => length),
      [1_000_000, 1_000_000, 1_000_000],
    )
  })
}

test('a route that is retired while a jump of the clock waits has its last requests', async () => {
  const retired: WireLine = { type: 'retired', id: 7 }
  for (const jump of [40_000, 2]) {
    const { requests } = await ticks(
      ...names,
      tick(0, row(0)),
      tick(1, row(5)),
      at(1 + jump, tick(2, row(6))),
      retired,
      tick(2),
      tick(3),
    )
    assert.equal(
      requests.reduce((sum, each) => sum + each, 0),
      6,
      `${jump}`,
    )
  }
})

test('a helper that was stopped for minutes is believed when it goes on, or ends', async () => {
  const long = [...names, tick(0, row(0)), tick(1, row(5)), tick(501, row(9))]
  const lengths = async (...lines: readonly WireLine[]): Promise<readonly number[]> =>
    (await ticks(...lines)).frames.map(({ length }) => length / 1_000_000)
  assert.deepEqual(await lengths(...long, tick(502, row(9))), [1, 500, 1])
  assert.deepEqual(await lengths(...long), [1, 500])
  assert.deepEqual(await lengths(...long, { type: 'bye', reason: 'end' }), [1, 500])
})

test('an invalid line is skipped and counted, and the ticks around it stay', async () => {
  const bad: readonly string[] = [
    ...['', 'null', '[]', '{}', '{"type":"snapsh', '\0', 'x'.repeat(10_000), '['.repeat(3_000_000)],
    ...[
      '{"type":"snapshot"}',
      '{"type":"route"}',
      '{"type":"retired"}',
      '{"type":"constructor"}',
      '{"type":7}',
    ],
    json(tick(2, row(5)), '"wall_us":1', '"wall_us":-1'),
    json(tick(2, row(5)), '"wall_us":1', '"wall_us":99'),
    json(tick(2, row(5)), '"mono_ns":"', '"mono_ns":"x'),
    json(tick(2, row(5)), '"mono_ns":"', '"mono_ns":"9999999999'),
    json(tick(2, row(5)), '"mono_ns":"3000000000"', '"mono_ns":3000000000'),
    json(tick(2, row(5)), '"cpu_us":100', '"cpu_us":1e99'),
    json(tick(2, row(5)), '"rss_bytes":1000000', '"rss_bytes":0.5'),
    json(tick(2, row(5)), '"evicted":0', '"evicted":-1'),
    json(tick(2, row(5)), '"evicted":0', '"evicted":9007199254740992'),
    json(tick(2, row(5)), '"loss":{', '"loss":[],"x":{'),
    json(tick(2, row(5)), '"traffic":[', '"traffic":{},"x":['),
    json(tick(2, row(5)), '"traffic":[[', `"traffic":[${'0,'.repeat(2 ** 17)}[`),
  ]
  for (const line of bad) {
    const seen = await ticks(...names, tick(0), tick(1, row(3)), line, tick(3, row(10)), {
      type: 'bye',
      reason: '',
    })
    assert.deepEqual([seen.requests, seen.bad], [[3, 7], 1], line.slice(0, 80))
    assert.deepEqual(seen.kinds, ['hello', 'frame', 'frame', 'skipped', 'bye'])
  }
})

test('an invalid row is skipped alone, and the next total includes its counts', async () => {
  const bad: readonly unknown[] = [
    ...[null, 5, {}, [], [7], row(5).slice(0, 17), row(5, { 0: 8 }), row(5, { 0: '7' }), row(5, { 1: -1 })],
    ...[
      row(5, { 1: 1.5 }),
      row(5, { 2: 2 ** 53 }),
      row(5, { 2: null }),
      row(5, { 11: 'x' }),
      row(5, { 11: 12 }),
    ],
    ...[row(5, { 11: '-1' }), row(5, { 11: '1'.repeat(30) }), row(5, { 13: '' }), row(5, { 14: -1 })],
    ...[
      row(5, { 15: [200] }),
      row(5, { 15: [200, 1, 200, 1] }),
      row(5, { 15: [1000, 1] }),
      row(5, { 15: [-1, 1] }),
    ],
    ...[row(5, { 16: [1] }), row(5, { 16: [1, 2, 3, 464, 1] }), row(5, { 16: [1, 2, 3, 9, 1, 8, 1] })],
    ...[row(5, { 16: [1, 2, 3, 9, 0] }), row(5, { 17: 'x' }), row(5, { 17: [1, 2, 3, 4] }), row(2)],
  ]
  for (const one of bad) {
    const other = row(4, { 0: 9 })
    const seen = await ticks(
      ...names,
      route(9, '/b'),
      tick(0),
      tick(1, row(3)),
      tick(2, one as TrafficColumns, other),
      tick(3, row(10)),
    )
    assert.deepEqual([seen.requests, seen.bad, seen.rows], [[3, 4, 7], 0, 1], JSON.stringify(one))
  }
})

test('a slot that is twice in a snapshot is counted once', async () => {
  const seen = await ticks(...names, tick(0), tick(1, row(3), row(4)), tick(2, row(5)))
  assert.deepEqual([seen.requests, seen.rows], [[3, 2], 1])
})

test('totals that fall are skipped once, and accepted if they continue', async () => {
  const low = await ticks(
    ...names,
    tick(0),
    tick(1, row(30)),
    tick(2, row(1)),
    tick(3, row(40)),
    tick(4, row(50)),
  )
  assert.deepEqual([low.requests, low.rows], [[30, 0, 10, 10], 1])
  const high = await ticks(
    ...names,
    tick(0),
    tick(1, row(30)),
    tick(2, row(1e8)),
    tick(3, row(40)),
    tick(4, row(50)),
  )
  assert.deepEqual([high.requests.with(1, 0), high.rows], [[30, 0, 0, 10], 1])
})

test('counts larger than a tick can hold are skipped', async () => {
  const most = Number.MAX_SAFE_INTEGER
  const lines = Array.from({ length: 50 }, (_, i) => route(100 + i, `/${i}`))
  const rows = lines.map((_, i) => row(most, { 0: 100 + i, 2: 0, 12: 0, 15: [] }))
  const seen = await ticks(...names, ...lines, tick(0), tick(1, row(3), ...rows))
  assert.ok(Number.isSafeInteger(seen.requests[0]))
  assert.ok(seen.rows >= 49)
})

test('a count that no file may hold costs its row alone: each tick can be written and read', async () => {
  for (const absurd of [2 ** 31, 2 ** 31 - 1, 2 ** 40]) {
    const { requests, rows } = await ticks(
      ...names,
      snapshot(0),
      tick(1, row(3)),
      tick(2, row(3 + absurd)),
      tick(3, row(5 + absurd)),
    )
    assert.deepEqual(requests, [3, 0, 2], String(absurd))
    assert.equal(rows, 1)
  }
})

test('a snapshot with an impossible time gives no tick, and its totals are in the next one, also of idle and retired slots', async () => {
  const b = (requests: number): TrafficColumns => row(requests, { 0: 9 })
  for (const mono of ['0', '9000000000000000000']) {
    const lie = { ...tick(2, row(5), b(2)), mono_ns: mono } as WireLine
    const rest = [{ type: 'retired', id: 9 } as const, tick(3, row(7)), tick(4, row(8)), tick(5, row(9))]
    const seen = await ticks(...names, route(9, '/b'), tick(0), tick(1, row(3)), lie, ...rest)
    assert.equal(
      seen.requests.reduce((sum, requests) => sum + requests, 0),
      9 + 2,
      mono,
    )
    assert.ok(seen.frames.every(({ length }) => length > 0 && length < 1e12))
    assert.ok(seen.bad >= 1)
  }
})

test('ids keep their names: a second hello, a reused id of a backend or route, and an unknown retired id are skipped', async () => {
  const bad: readonly WireLine[] = [
    hello,
    { ...hello, wire: 2 } as WireLine,
    { type: 'backend', id: 1, address: '10.6.6.6:80', netns: 1 },
    route(7, '/other'),
    { type: 'route', id: 9, backend: 66, method: 'GET', path: '/' },
    { type: 'route', id: 9, backend: 1, method: 'GET /x', path: '/' },
    { type: 'retired', id: 66 },
  ]
  for (const line of bad) {
    const seen = await ticks(...names, tick(0), tick(1, row(3)), line, tick(2, row(5)))
    assert.deepEqual([seen.requests, seen.bad], [[3, 2], 1], JSON.stringify(line))
    const [{ backend: to, route: of } = assert.fail()] = seen.frames[1]!.traffic
    assert.deepEqual([to.address, of.path], ['10.0.1.10:8080', '/a'])
  }
})

test('lines before hello are skipped; many of them mean that it is no helper', async () => {
  const seen = await ticks('Welcome to web1', tick(0), ...names, tick(1), tick(2, row(3)))
  assert.deepEqual([seen.requests, seen.bad], [[3], 2])
  const yes = new Array<string>(1000).fill('\u001b[2Jy')
  await assert.rejects(ticks(...yes), { name: 'UserError', exitCode: 4, message: /no helper.*"\u001b\[2Jy"/ })
})

test('a bye followed by other lines is no end', async () => {
  const bye = { type: 'bye', reason: 'x' } as const
  const gone = await ticks(...names, tick(0), bye, tick(1, row(3)))
  assert.deepEqual([gone.requests, gone.kinds.at(-1)], [[3], 'skipped'])
  const ended = await ticks(...names, tick(0), bye, tick(1, row(3)), bye)
  assert.deepEqual([ended.requests, ended.kinds.at(-1), ended.bad], [[3], 'bye', 1])
})

test('a hello without a numeric version is skipped; another version is refused', async () => {
  for (const wire of ['"1"', 'null', '[1]', '{}']) {
    const seen = await ticks(json(hello, '"wire":1', `"wire":${wire}`), tick(0), tick(1))
    assert.deepEqual([seen.kinds, seen.bad], [['skipped'], 3])
  }
  await assert.rejects(ticks(json(hello, '"wire":1', '"wire":7,"interfaces":9')), {
    exitCode: 4,
    message: /"7"/,
  })
})

test('the fields of hello are checked for type and length', async () => {
  const events = readSource(
    textOf([
      { ...hello, host: 'x'.repeat(1e6), warnings: new Array<string>(1e4).fill('y'.repeat(1e4)) } as WireLine,
    ]),
  )
  for await (const event of events) {
    assert.ok(event.kind === 'hello')
    assert.deepEqual(
      [event.hello.host.length, event.hello.warnings.length, event.hello.warnings[0]!.length],
      [256, 100, 4096],
    )
  }
  for (const wrong of [
    { host: 7 },
    { interfaces: [7] },
    { interfaces: [{ index: 1, name: {} }] },
    { warnings: 'x' },
    { unseen: [{}, 1] },
    { front_doors: [70_000] },
  ]) {
    assert.deepEqual(
      (await ticks({ ...hello, ...wrong } as unknown as WireLine)).kinds,
      ['skipped'],
      JSON.stringify(wrong),
    )
  }
})

test('fields that an older helper does not send are 0 or unknown', async () => {
  const bare = { type: 'hello', wire: 1 } as WireLine
  const { traffic, wall_us, mono_ns } = snapshot(1, { traffic: [row(3)] })
  const seen = await ticks(
    bare,
    backend,
    route(7, '/a'),
    tick(0),
    JSON.stringify({ type: 'snapshot', wall_us, mono_ns, traffic }),
  )
  assert.deepEqual([seen.requests, seen.bad, seen.frames[0]!.loss.evicted], [[3], 0, 0])
})

test('additional columns and fields of a newer helper are ignored', async () => {
  const newer = {
    ...tick(1, [...row(3), 5, 'x', [1]] as unknown as TrafficColumns),
    more: { x: 1 },
    loss: { evicted: 2, new_loss: 3 },
  }
  const seen = await ticks(...names, tick(0), newer)
  assert.deepEqual([seen.requests, seen.bad, seen.rows, seen.frames[0]!.loss.evicted], [[3], 0, 0, 2])
})

test('requests with an impossible time, outcome or duration are skipped', async () => {
  const at = snapshot(1).wall_us
  const requests = [
    ...[
      [7, at, 200, 1, 2],
      [7, at, -4, -1, -1],
      [8, at, 200, 1, 2],
      [7, 0, 200, 1, 2],
      [7, at, 1000, 1, 2],
      [7, at, -5, 1, 2],
    ],
    ...[[7, at, 200, -2, 2], [7, at, 200, 1, 1e15], [7, at, 200, 1], [7, at, '200', 1, 2], null],
  ] as unknown as RequestColumns[]
  const seen = await ticks(...names, tick(0), snapshot(1, { requests }))
  assert.deepEqual(
    [seen.frames[0]!.requests.map(({ outcome }) => outcome), seen.rows],
    [[200, 'unanswered'], 9],
  )
})

test('the number of routes and the total length of names are limited', async () => {
  const named = async (count: number, path: string): Promise<Ticks> => {
    const lines = Array.from({ length: count }, (_, i): WireLine[] => [
      { type: 'route', id: 100 + i, backend: 1, method: 'GET', path: `/${i}${path}` },
    ])
    return await ticksOf([...names, ...lines.flat(), tick(0), tick(1, row(3))])
  }
  const many = await named(132_000, '')
  assert.deepEqual([many.requests, many.bad > 900], [[3], true], `${many.bad} skipped`)
  const long = await named(17_000, 'p'.repeat(4080))
  assert.deepEqual([long.requests, long.bad > 300], [[3], true], `${long.bad} skipped`)
})
