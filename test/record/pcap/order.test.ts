/** Captures whose packets lie in another order than they passed: taps with two ports, captures merged by clocks that differ. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { Conversation, ENDS, pcap, START, type Packet } from './conversation.ts'
import { readBytes } from './read.ts'

const MS = 1_000_000n

/** Each request has a code of its own, so that an answer is told from its neighbours. */
const CODES = [200, 404, 503, 201, 301, 418, 204, 500] as const

/** The route of a code: a number in it would be an id. */
const nameOf = (code: number): string =>
  Array.from(String(code), (digit) => 'abcdefghij'[Number(digit)]).join('')

/** Some with bodies, some chunked, so that not one segment is like another. */
function conversation(): Conversation {
  const talk = new Conversation().open()
  for (const [n, code] of CODES.entries()) {
    talk
      .asks(`POST /${nameOf(code)} HTTP/1.1\r\nHost: x\r\nContent-Length: 300\r\n\r\n`)
      .asks('z'.repeat(300))
    if (n % 2 === 0) talk.answers(`HTTP/1.1 ${code} X\r\nContent-Length: 3\r\n\r\nok\n`)
    else talk.answers(`HTTP/1.1 ${code} X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n`)
    if (n % 3 === 0) talk.acknowledges()
  }
  return talk.close()
}

const expected = (): Record<string, number> => ({
  ...Object.fromEntries(CODES.map((code) => [`10.0.1.10:8080 POST /${nameOf(code)} ${code}`, 1])),
  '10.0.1.10:8080 connects': 1,
})

/** As a file has them: the times go on. */
const inFile = (packets: readonly Packet[], step = MS): Packet[] =>
  packets.map(({ ip }, n) => ({ ip, at: START + BigInt(n) * step }))

it('a capture whose neighbours are exchanged has each request with its own answer', async () => {
  const { packets } = conversation()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: packets.length - 2 }), { maxLength: 20 }), async (places) => {
      const moved = [...packets]
      for (const n of places)
        // a request before its SYN is one of a connection that is older than the capture
        if (n > 0 || moved[1]!.ip.length === 40) [moved[n], moved[n + 1]] = [moved[n + 1]!, moved[n]!]
      const { counts } = await readBytes(pcap(inFile(moved)))
      assert.deepEqual(counts, expected())
    }),
    { numRuns: 100 },
  )
})

it('a direction that comes late by its clock, through all of the connection, has each request with its own answer', async () => {
  const { packets } = conversation()
  for (const late of ['10.0.0.1', '10.0.1.10'])
    for (const ms of [1n, 2n, 5n]) {
      const isLate = ({ ip }: Packet): boolean => ip.subarray(12, 16).join('.') === late
      const stamped = packets.map((packet) => ({
        ...packet,
        at: packet.at + (isLate(packet) ? ms * MS + MS / 2n : 0n),
      }))
      stamped.sort((a, b) => (a.at < b.at ? -1 : 1))
      const { counts, frames } = await readBytes(pcap(stamped))
      assert.deepEqual(counts, expected(), `${late} by ${ms} ms`)
      assert.equal(
        frames.reduce((sum, { loss }) => sum + (loss.holes ?? 0), 0),
        0,
      )
    }
})

it('what an answer waits for and never comes costs nothing but itself, and no time', async () => {
  const talk = new Conversation().open()
  for (const code of CODES)
    talk
      .asks(`GET /${nameOf(code)} HTTP/1.1\r\nHost: x\r\n\r\n`)
      .waits(200)
      .answers(`HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`)
  const lost = talk.packets[7]!
  const { counts, frames } = await readBytes(pcap(talk.close().packets.filter((packet) => packet !== lost)))
  const { [`10.0.1.10:8080 GET /${nameOf(CODES[2])} ${CODES[2]}`]: missing, ...rest } = Object.fromEntries(
    Object.entries(expected()).map(([key, count]) => [key.replace('POST', 'GET'), count]),
  )
  assert.equal(missing, 1)
  assert.deepEqual(counts, rest)
  const times = frames
    .flatMap(({ traffic }) => traffic)
    .filter(({ route, header }) => header.count > 0 && route.path !== `/${nameOf(CODES[0])}`)
    .map(({ header }) => header.sum / 1000)
  assert.deepEqual(
    times,
    Array.from({ length: CODES.length - 2 }, () => 201),
  )
})

it('says what was put in order, and what could not be', async () => {
  const { packets } = conversation()
  const answersFirst = (ms: bigint): Packet[] =>
    packets
      .map((packet, n) => ({
        ...packet,
        at: packet.at + (packet.ip[15] === 1 && n > 2 ? ms * MS + MS / 2n : 0n),
      }))
      .sort((a, b) => (a.at < b.at ? -1 : 1))
  const few = await readBytes(pcap(answersFirst(2n)))
  assert.match(
    few.notes.join('\n'),
    /\d+ segments were captured before what they acknowledge, and count behind it/,
  )
  assert.doesNotMatch(few.notes.join('\n'), /long after their acknowledgement/)
  const many = await readBytes(pcap(answersFirst(200n)))
  assert.match(many.notes.join('\n'), /\d+ segments of nginx were captured long after their acknowledgement/)
  assert.deepEqual((await readBytes(pcap(packets))).notes, [])
})

it('other connections go on meanwhile', async () => {
  const [one, two] = [conversation(), new Conversation({ ...ENDS, clientPort: 40_007 }, START + MS / 2n)]
  two.open()
  for (const code of CODES)
    two.asks(`GET /other HTTP/1.1\r\n\r\n`).answers(`HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`)
  const moved = [...one.packets]
  for (let n = 4; n + 1 < moved.length; n += 3) [moved[n], moved[n + 1]] = [moved[n + 1]!, moved[n]!]
  const both = [...inFile(moved), ...two.close().packets].sort((a, b) => (a.at < b.at ? -1 : 1))
  const { counts } = await readBytes(pcap(both))
  assert.deepEqual(counts, {
    ...expected(),
    '10.0.1.10:8080 connects': 2,
    ...Object.fromEntries(CODES.map((code) => [`10.0.1.10:8080 GET /other ${code}`, 1])),
  })
})

it('a request in a SYN is there before its answer, which waits for nothing', async () => {
  const asked = (name: string): string => `GET /${name} HTTP/1.1\r\nHost: x\r\n\r\n`
  const first = new Conversation().opens(asked('a')).accepts()
  first.answers('HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n')
  const next = new Conversation(ENDS, START + 10n * MS, 9_000_000, false, 50_000_000).open().asks(asked('b'))
  next.answers('HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n')
  const { counts, notes } = await readBytes(pcap([...first.packets, ...next.packets]))
  assert.deepEqual(counts, {
    '10.0.1.10:8080 GET /a 200': 1,
    '10.0.1.10:8080 GET /b 404': 1,
    '10.0.1.10:8080 connects': 2,
  })
  assert.deepEqual(notes, [])
})

it('what waits when its ports begin anew is of the last connection', async () => {
  const talk = new Conversation().open()
  talk.asks('GET /a HTTP/1.1\r\n\r\n')
  const request = talk.packets.at(-1)!
  talk.answers('HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n')
  const next = new Conversation(ENDS, START + 10n * MS, 9_000_000, false, 50_000_000).open()
  next.asks('GET /b HTTP/1.1\r\n\r\n').answers('HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n')
  const { counts, frames } = await readBytes(
    pcap([...talk.packets.filter((packet) => packet !== request), ...next.packets]),
  )
  assert.deepEqual(counts, { '10.0.1.10:8080 GET /b 404': 1, '10.0.1.10:8080 connects': 2 })
  assert.equal(
    frames.reduce((sum, { loss }) => sum + loss.unmatchedResponses, 0),
    1,
  )
})

it('nginx’s FIN or RST before its last request is behind it', async () => {
  for (const end of ['close', 'breaksOff'] as const) {
    const talk = new Conversation().open().asks('GET /a HTTP/1.1\r\n\r\n')[end]()
    const moved = [...talk.packets]
    ;[moved[3], moved[4]] = [moved[4]!, moved[3]!]
    const { counts } = await readBytes(pcap(inFile(moved)))
    assert.deepEqual(counts, { '10.0.1.10:8080 GET /a aborted': 1, '10.0.1.10:8080 connects': 1 }, end)
  }
})

it('more that waits in vain than there is room for costs nothing else', async () => {
  const talk = conversation()
  const strays = Array.from({ length: 400 }, (_, n) => {
    const stray = new Conversation({ ...ENDS, clientPort: 50_000 + n }).open()
    return stray.packets[1]!
  })
  const moved = [...talk.packets]
  for (let n = 4; n + 1 < moved.length; n += 3) [moved[n], moved[n + 1]] = [moved[n + 1]!, moved[n]!]
  const all = moved.flatMap((packet, n) => [packet, ...strays.slice(n * 10, n * 10 + 10)])
  const { counts } = await readBytes(pcap(inFile(all, MS / 50n)))
  assert.deepEqual(counts, expected())
})
