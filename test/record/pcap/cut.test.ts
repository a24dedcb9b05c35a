/** Packets that were captured in part (`tcpdump -s 96`): each answer whose status line is there counts, with its own code and time. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { Conversation, ENDS, ENDS6, LINKS, pcap, type Packet } from './conversation.ts'
import { readBytes, type ReadCapture } from './read.ts'

/** Behind Ethernet, IPv4 and TCP. */
const upTo = (payload: number) => ({ snapLength: 14 + 40 + payload })
const FIELDS = `X-Filler: ${'f'.repeat(150)}\r\n`
const nameOf = (n: number): string => `/route-${String.fromCharCode(97 + n)}`
const get = (n: number): string => `GET ${nameOf(n)} HTTP/1.1\r\nHost: x\r\n${FIELDS}\r\n`
const answer = (code: number): string => `HTTP/1.1 ${code} X\r\n${FIELDS}Content-Length: 5\r\n\r\nbody\n`
const CODES = [503, 200, 404, 200, 200]

/** Keepalive: no packet but a request says that the answer has come. */
function keepalive(ends = ENDS): Conversation {
  const talk = new Conversation(ends).open()
  for (const [n, code] of CODES.entries()) talk.asks(get(n)).waits(20).answers(answer(code)).waits(500)
  return talk
}

const sumOfRead = ({ frames }: ReadCapture) => sumOf(frames.map(ofFrame))
const inFlightOf = ({ frames }: ReadCapture): number =>
  (frames.at(-1)?.traffic ?? []).reduce((sum, { inFlight }) => sum + inFlight, 0)

for (const ends of [ENDS, ENDS6])
  describe(`heads of requests and of answers that were captured in part, of ${ends.client}`, () => {
    const backend = ends === ENDS ? '10.0.1.10:8080' : '[fd00::2]:8080'
    const counts = {
      [`${backend} connects`]: 1,
      ...Object.fromEntries(CODES.map((code, n) => [`${backend} GET ${nameOf(n)} ${code}`, 1])),
    }
    const cut = upTo(ends === ENDS ? 50 : 70)

    it('each answer has its code, also the last one before the capture ends', async () => {
      const read = await readBytes(pcap(keepalive(ends).packets, LINKS.Ethernet, cut))
      assert.deepEqual(read.counts, counts)
      const { totals, loss } = sumOfRead(read)
      assert.equal(totals.unseen, 0)
      assert.equal(loss.halfSeen, 0)
      assert.ok((loss.holes ?? 0) > 0, 'what was not captured is said')
      assert.equal(inFlightOf(read), 0)
    })
    it('each answer has its times', async () => {
      const { frames } = await readBytes(pcap(keepalive(ends).close().packets, LINKS.Ethernet, cut))
      const times = frames.flatMap(({ requests }) => requests.map(({ header, total }) => [header, total]))
      // the first with its connect
      assert.deepEqual(times, [[24_000, 24_000], ...Array<number[]>(4).fill([21_000, 21_000])])
    })
  })

it('an answer whose body was captured in part ends when its last segment arrives', async () => {
  const talk = new Conversation().open().asks('GET /a HTTP/1.1\r\n\r\n')
  talk.answers(`HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n`).waits(10)
  talk.answers('a'.repeat(200)).waits(10).answers('b'.repeat(200))
  const read = await readBytes(pcap(talk.packets, LINKS.Ethernet, upTo(50)))
  assert.deepEqual(
    read.frames.flatMap(({ requests }) => requests.map(({ outcome, total }) => [outcome, total])),
    [[200, 26_000]],
  )
  assert.equal(inFlightOf(read), 0)
})

it('an answer that ends its connection, and was captured in part, has its code', async () => {
  const CHUNKED = `HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n${'c'.repeat(100)}\r\n0\r\n\r\n`
  for (const [text, code] of [
    [answer(503), 503],
    [CHUNKED, 200],
  ] as const) {
    const talk = new Conversation().open().asks(get(0)).answersLast(text)
    const read = await readBytes(pcap(talk.acknowledges().packets, LINKS.Ethernet, upTo(60)))
    assert.deepEqual(read.counts, {
      '10.0.1.10:8080 connects': 1,
      [`10.0.1.10:8080 GET ${nameOf(0)} ${code}`]: 1,
    })
    assert.equal(sumOfRead(read).totals.bodyReset, 0)
    assert.equal(inFlightOf(read), 0)
  }
})

it('an interim answer that was captured in part is not the end of its request', async () => {
  const talk = new Conversation().open()
  for (const [n, code] of CODES.entries())
    talk
      .asks(get(n))
      .answers(`HTTP/1.1 103 Early Hints\r\n${FIELDS}\r\n`)
      .answers(answer(code))
      .acknowledges()
  const read = await readBytes(pcap(talk.close().packets, LINKS.Ethernet, upTo(50)))
  assert.equal(sumOfRead(read).totals.unseen, 0)
  for (const [n, code] of CODES.entries())
    assert.equal(read.counts[`10.0.1.10:8080 GET ${nameOf(n)} ${code}`], 1)
})

for (const wait of [0, 10_000])
  it(`ends of heads that are missing as packets, that of an answer ${wait} ms behind its beginning: each has its code`, async () => {
    const talk = new Conversation().open()
    const missing = new Set<Packet>()
    for (const [n, code] of CODES.entries()) {
      talk.asks(get(n).slice(0, 60)).asks(get(n).slice(60))
      missing.add(talk.packets.at(-1)!)
      talk.answers(answer(code).slice(0, 60)).waits(wait).answers(answer(code).slice(60))
      missing.add(talk.packets.at(-1)!)
    }
    const read = await readBytes(pcap(talk.close().packets.filter((packet) => !missing.has(packet))))
    for (const [n, code] of CODES.entries())
      assert.equal(read.counts[`10.0.1.10:8080 GET ${nameOf(n)} ${code}`], 1, nameOf(n))
  })

describe('packets that are missing among those that were captured in part', () => {
  const EXCHANGE = fc.record({
    code: fc.constantFrom(200, 204, 304, 404, 500),
    asks: fc.integer({ min: 0, max: 200 }),
    body: fc.integer({ min: 0, max: 300 }),
    isChunked: fc.boolean(),
    isAcknowledged: fc.boolean(),
  })
  type Exchange = typeof EXCHANGE extends fc.Arbitrary<infer Value> ? Value : never
  const LOSSES = fc.array(fc.nat({ max: 999 }), { maxLength: 6 })

  function answerOf({ code, body, isChunked }: Exchange): string {
    const fields = `X: ${'x'.repeat(body / 3)}\r\n`
    if (code === 204 || code === 304) return `HTTP/1.1 ${code} X\r\n${fields}\r\n`
    const text = 'b'.repeat(body)
    if (!isChunked) return `HTTP/1.1 ${code} X\r\n${fields}Content-Length: ${body}\r\n\r\n${text}`
    const chunk = body > 0 ? `${body.toString(16)}\r\n${text}\r\n` : ''
    return `HTTP/1.1 ${code} X\r\nTransfer-Encoding: chunked\r\n${fields}\r\n${chunk}0\r\n\r\n`
  }

  it('no other code is told, and without losses each one is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(EXCHANGE, { minLength: 2, maxLength: 12 }),
        LOSSES,
        fc.integer({ min: 30, max: 160 }),
        async (exchanges, losses, snap) => {
          const talk = new Conversation().open()
          const first = talk.packets.length
          for (const [n, exchange] of exchanges.entries()) {
            const data = 'd'.repeat(exchange.asks)
            const fields = exchange.asks > 0 ? `Content-Length: ${exchange.asks}\r\n` : ''
            talk
              .asks(`PUT ${nameOf(n)} HTTP/1.1\r\nHost: x\r\n${fields}\r\n${data}`)
              .answers(answerOf(exchange))
            if (exchange.isAcknowledged) talk.acknowledges()
          }
          const { packets } = talk.close()
          const lost = new Set(losses.map((n) => first + (n % (packets.length - 3 - first))))
          const kept = packets.filter((_, i) => !lost.has(i))
          const { counts } = await readBytes(pcap(kept, LINKS.Ethernet, upTo(snap)))
          for (const [n, { code }] of exchanges.entries()) {
            const told = Object.keys(counts).filter((key) => key.includes(` ${nameOf(n)} `))
            const right = told.filter((key) => key.endsWith(` ${code}`) && counts[key] === 1)
            assert.deepEqual(told, right, `exchange ${n}`)
            if (lost.size === 0) assert.equal(right.length, 1, `exchange ${n}`)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
