/** How the screen shows a backend whose requests are read within TLS, and one whose are not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressKey } from '../../src/frame/model/aggregate.ts'
import type { TlsReading } from '../../src/frame/model/tls.ts'
import { ofFrame } from '../../src/frame/sum/merge.ts'
import { drilldown, subjectSecond } from '../../src/frame/views/drilldown.ts'
import { BOARD_DEFAULTS, leaderboard } from '../../src/frame/views/leaderboard.ts'
import { COLUMNS } from '../../src/render/column-kinds.ts'
import { detailLines } from '../../src/render/detail.ts'
import { nanoseconds } from '../../src/render/quantities.ts'
import { printed } from '../../src/render/theme.ts'
import { tlsLines } from '../../src/render/tls-text.ts'
import { backend, frame, route, START } from '../report/fake.ts'

const HOW = 'TLS: its requests are not read: record with --tls'
const READING: TlsReading = {
  forced: false,
  entry_ns: 450,
  return_ns: 480,
  programs: [{ path: '/usr/sbin/nginx', processes: 2, read: true, probe: 'emulated', why: '' }],
}

const READ = backend('10.0.1.10:443')
const UNREAD = backend('10.0.1.11:443')
const PLAIN = backend('10.0.1.12:80')
const GET = route('GET', '/')

const second = frame(
  0,
  START,
  [READ, PLAIN].map((of) => ({ backend: of, route: GET, times: [1000] })),
  {
    connections: [
      { backend: READ, counts: { tlsConnects: 1, tlsRequests: 1 } },
      { backend: UNREAD, counts: { tlsConnects: 1 } },
    ],
  },
)
const moment = {
  frame: second,
  window: ofFrame(second),
  elapsed: second.length,
  windowSeconds: 1,
  activity: [],
  gap: null,
  requests: [],
}
const board = leaderboard(moment, BOARD_DEFAULTS)

function detail(of: typeof READ, readings: readonly TlsReading[]): string {
  const subject = { backend: addressKey(of), route: null }
  const view = {
    host: 'web1',
    timeZone: 'UTC',
    withOffset: false,
    sort: 'rps',
    filter: '',
    selected: 0,
    size: { columns: 100, rows: 30 },
    tls: tlsLines(readings),
  } as const
  return detailLines(board, drilldown(moment, [subjectSecond(second, subject)], subject, 'rps')!, view)
    .map((line) => `${printed(line, 'none')}\n`)
    .join('')
}

test('a row that is read within TLS is marked behind its name, where the name leaves room', () => {
  const nameOf = (address: string, width: number): string =>
    COLUMNS.name
      .backend(
        board.backends.find((line) => line.backend.address === address)!,
        width,
      )
      .map(({ text }) => text)
      .join('')
  assert.equal(nameOf(READ.address, 17), '10.0.1.10:443 tls')
  assert.equal(nameOf(READ.address, 16), '10.0.1.10:443')
  assert.equal(nameOf(UNREAD.address, 40), '10.0.1.11:443')
  assert.equal(nameOf(PLAIN.address, 40), '10.0.1.12:80')
})

test('its page says what it speaks in TLS, by which probes it is read, and what they cost', () => {
  const page = detail(READ, [READING])
  assert.match(page, /· http\/1 in TLS/)
  assert.ok(
    page.includes('TLS read in /usr/sbin/nginx: emulated probes, 0.45 µs at an entry, 0.48 µs at a return'),
  )
  assert.doesNotMatch(detail(PLAIN, [READING]), /TLS/)
})

test('the page of a backend whose TLS is not read says how to read it, or why it is not', () => {
  assert.ok(detail(UNREAD, []).includes(HOW))
  const foreign = { ...READING.programs[0]!, read: false, probe: null, why: 'it has no ngx_ssl_write' }
  const page = detail(UNREAD, [{ ...READING, programs: [foreign] }])
  assert.ok(page.includes('/usr/sbin/nginx is not read within TLS: it has no ngx_ssl_write'), page)
  assert.ok(!page.includes(HOW))
})

test('what was not measured is left out, and costs keep three digits', () => {
  assert.deepEqual(tlsLines([{ ...READING, entry_ns: null, return_ns: null }]), [
    'TLS read in /usr/sbin/nginx: emulated probes',
  ])
  assert.deepEqual([450, 12_345, 9996].map(nanoseconds), ['0.45 µs', '12.3 µs', '10.0 µs'])
})
