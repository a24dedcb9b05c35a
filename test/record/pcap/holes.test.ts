/** What a capture lacks is missing from the recording, and nothing else: what follows is read on. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ofFrame, sumOf } from '../../../src/frame/sum/merge.ts'
import { frameOf } from '../../kernel/lab/h2.ts'
import { Conversation, ENDS, ENDS6, pcap, type Packet } from './conversation.ts'
import { readBytes, readCapture, type ReadCapture } from './read.ts'

const GRPC = join(import.meta.dirname, '../../../fixtures/captures/grpc-loss.pcap.gz')
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n'

const NAMES = 'abcdefghij'

type Part = 'request' | 'answer' | 'ack'

/** Ten requests, of which `lacking` says what of the sixth the capture does not have. */
function withHole(ends = ENDS, lacking: readonly Part[]): Packet[] {
  const talk = new Conversation(ends).open()
  const gone = new Set<Packet>()
  for (let i = 0; i < 10; i++) {
    const say = (part: Part): void => {
      if (part === 'request') talk.asks(get(`/${NAMES[i]}`))
      else if (part === 'answer') talk.answers(OK)
      else talk.acknowledges()
      if (i === 5 && lacking.includes(part)) gone.add(talk.packets.at(-1)!)
    }
    say('request')
    say('answer')
    say('ack')
  }
  return talk.close().packets.filter((packet) => !gone.has(packet))
}

function lossOf({ frames }: ReadCapture): { holes: number; unmatched: number; unseen: number } {
  const sum = (name: 'holes' | 'unmatchedResponses'): number =>
    frames.reduce((total, { loss }) => total + (loss[name] ?? 0), 0)
  const { unseen } = sumOf(frames.map(ofFrame)).totals
  return { holes: sum('holes'), unmatched: sum('unmatchedResponses'), unseen: unseen ?? 0 }
}

for (const ends of [ENDS, ENDS6])
  describe(`a capture of ${ends.client} that lacks`, () => {
    const backend = ends === ENDS ? '10.0.1.10:8080' : '[fd00::2]:8080'
    const others = {
      ...Object.fromEntries(Array.from('abcdeghij').map((name) => [`${backend} GET /${name} 200`, 1])),
      [`${backend} connects`]: 1,
    }

    it('one exchange has all others', async () => {
      for (const lacking of [
        ['request', 'answer', 'ack'],
        ['request', 'answer'],
      ] as const) {
        const read = await readBytes(pcap(withHole(ends, lacking)))
        assert.deepEqual(read.counts, others, lacking.join())
        assert.deepEqual(lossOf(read), { holes: 2, unmatched: 0, unseen: 0 }, lacking.join())
      }
    })

    it('one request has all others, and its answer is unmatched', async () => {
      const read = await readBytes(pcap(withHole(ends, ['request'])))
      assert.deepEqual(read.counts, others)
      assert.deepEqual(lossOf(read), { holes: 1, unmatched: 1, unseen: 0 })
    })

    it('one answer has all requests, one of them unseen', async () => {
      const read = await readBytes(pcap(withHole(ends, ['answer'])))
      assert.deepEqual(read.counts, others)
      assert.deepEqual(lossOf(read), { holes: 1, unmatched: 0, unseen: 1 })
    })
  })

describe('a capture of one direction', () => {
  const requests = (talk: Conversation): Packet[] => talk.packets.filter(({ ip }) => ip[15] === 1)
  const outcomesOf = async (talk: Conversation): Promise<unknown> => {
    const { frames } = await readBytes(pcap(requests(talk)))
    const { totals } = sumOf(frames.map(ofFrame))
    const halfSeen = frames.reduce((sum, { loss }) => sum + loss.halfSeen, 0)
    return { requests: totals.requests, unseen: totals.unseen, aborted: totals.failures.aborted, halfSeen }
  }

  it('has requests, whose answers were unseen, on one connection that is half seen', async () => {
    const talk = new Conversation(ENDS).open()
    for (const name of 'abc')
      talk
        .asks(get(`/${name}`))
        .answers(OK)
        .acknowledges()
    assert.deepEqual(await outcomesOf(talk.close()), { requests: 3, unseen: 3, aborted: 0, halfSeen: 1 })
  })

  it('has a request that nginx gave up, where only a FIN was acknowledged', async () => {
    const talk = new Conversation(ENDS).open().asks(get('/a')).answers(OK).acknowledges().asks(get('/b'))
    assert.deepEqual(await outcomesOf(talk.close()), { requests: 2, unseen: 1, aborted: 1, halfSeen: 1 })
  })
})

it('bytes that were captured behind their ACK count once, and are no retransmission', async () => {
  const talk = new Conversation(ENDS).open().asks('\x16\x03\x01'.padEnd(500, 'x')).answers('y'.repeat(700))
  const [request, answer] = talk.packets.slice(-2)
  const swapped = [
    { ...answer!, at: request!.at },
    { ...request!, at: answer!.at },
  ]
  const inOrder = await readBytes(pcap(talk.close().packets))
  const packets = [...talk.packets.slice(0, 3), ...swapped, ...talk.packets.slice(5)]
  const bytes = ({ frames }: ReadCapture): (number | null)[] => {
    const { sentBytes, receivedBytes } = sumOf(frames.map(ofFrame)).totals.connection
    return [sentBytes, receivedBytes]
  }
  assert.deepEqual(bytes(inOrder), [500, 700])
  assert.deepEqual(bytes(await readBytes(pcap(packets))), [500, 700])
})

it('an answer of gRPC whose end came out of order ends no others: what follows on its connection is read', async () => {
  const { counts } = await readCapture(GRPC)
  assert.deepEqual(counts, {
    '10.79.0.2:8301 POST /lab.Shop/Get 200': 7,
    '10.79.0.2:8301 POST /lab.Shop/Put 200': 3,
    '10.79.0.2:8301 POST /lab.Shop/Watch 200': 3,
    '10.79.0.2:8301 connects': 1,
  })
})

it('an answer of HTTP/2 whose end is missing has its bytes, and the next answer has none of them', async () => {
  const [DATA, HEADERS, SETTINGS] = [0, 1, 4]
  const text = (...frame: Parameters<typeof frameOf>): string => frameOf(...frame).toString('latin1')
  // literals, so that all bytes are ASCII: GET, a path, 200
  const ask = (stream: number, path: string): string =>
    text(HEADERS, 5, stream, `0203474554040${path.length}${Buffer.from(path).toString('hex')}`)
  const head = (stream: number): string => text(HEADERS, 4, stream, '0803323030')
  const data = (stream: number, flags: number): string => text(DATA, flags, stream, '61'.repeat(100))
  const preface = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${text(SETTINGS, 0, 0, '000100000000')}`
  const talk = new Conversation(ENDS).open()
  talk.asks(preface + ask(1, '/a')).answers(text(SETTINGS, 0, 0) + head(1))
  talk.answers(data(1, 0)).acknowledges().answers(data(1, 1))
  const missing = talk.packets.at(-1)!
  talk
    .acknowledges()
    .asks(ask(3, '/b'))
    .answers(head(3) + data(3, 1))
    .acknowledges()
    .close()
  const received = async (packets: readonly Packet[]): Promise<unknown> => {
    const { frames } = await readBytes(pcap(packets))
    const { backends } = sumOf(frames.map(ofFrame))
    return Object.fromEntries(
      backends.flatMap(({ routes }) => routes.map(({ route, receivedBytes }) => [route.path, receivedBytes])),
    )
  }
  const whole = { '/a': 9 + 14 + 2 * 109, '/b': 14 + 109 }
  assert.deepEqual(await received(talk.packets), whole)
  assert.deepEqual(await received(talk.packets.filter((packet) => packet !== missing)), whole)
})

it('an answer to a last request that is missing is unmatched, also in HTTP/2 and behind an interim one', async () => {
  const [HEADERS, SETTINGS] = [1, 4]
  const text = (...frame: Parameters<typeof frameOf>): string => frameOf(...frame).toString('latin1')
  const ask = (stream: number): string => text(HEADERS, 5, stream, '020347455404022f61')
  const preface = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${text(SETTINGS, 0, 0, '000100000000')}`
  const answer = (stream: number): string => text(HEADERS, 5, stream, '0803323030')
  for (const [first, second] of [
    [
      [get('/a'), OK],
      [get('/b'), `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${OK}`],
    ],
    [
      [preface + ask(1), text(SETTINGS, 0, 0) + answer(1)],
      [ask(3), answer(3)],
    ],
  ] as const) {
    const talk = new Conversation(ENDS).open().asks(first[0]).answers(first[1]).acknowledges()
    talk.asks(second[0])
    const missing = talk.packets.at(-1)
    talk.answers(second[1]).acknowledges().close()
    const read = await readBytes(pcap(talk.packets.filter((packet) => packet !== missing)))
    assert.equal(read.counts['10.0.1.10:8080 GET /a 200'], 1)
    assert.equal(lossOf(read).unmatched, 1)
  }
})

it('an answer that nobody asked for, as a 408 on an idle connection, is no loss', async () => {
  const late = 'HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n'
  const talk = new Conversation(ENDS).open()
  talk.asks(get('/a')).answers(OK).acknowledges().waits(5000).answers(late).acknowledges()
  const read = await readBytes(pcap(talk.close().packets))
  assert.deepEqual(read.counts, { '10.0.1.10:8080 GET /a 200': 1, '10.0.1.10:8080 connects': 1 })
  assert.deepEqual(lossOf(read), { holes: 0, unmatched: 0, unseen: 0 })
})

it('a connection that lacks the beginnings of its first requests is not taken for another protocol', async () => {
  const talk = new Conversation().open()
  const gone = new Set<Packet>()
  const asks = (text: string, isMissing = false): void => {
    talk.asks(text)
    if (isMissing) gone.add(talk.packets.at(-1)!)
  }
  const body = 'z'.repeat(300)
  const chunk = `12c\r\n${body}\r\n`
  for (const [n, [head, fields, ...rest]] of [
    ['POST /route-a HTTP/1.1', 'Content-Length: 600', body, body],
    ['POST /route-b HTTP/1.1', 'Content-Length: 600', body, body],
    ['PUT /route-c HTTP/1.1', 'Transfer-Encoding: chunked', chunk, chunk, chunk, '0\r\n\r\n'],
  ].entries()) {
    asks(head!.slice(0, 8), true)
    asks(`${head!.slice(8)}\r\nHost: x\r\n${fields}\r\n\r\n`)
    for (const text of rest) asks(text)
    talk.answers(OK)
    if (n === 1) gone.add(talk.packets.at(-1)!)
    else talk.acknowledges()
  }
  for (const name of ['d', 'e']) {
    asks(get(`/${name}`))
    talk.answers(OK)
  }
  const { counts, frames } = await readBytes(pcap(talk.close().packets.filter((packet) => !gone.has(packet))))
  assert.equal(counts['10.0.1.10:8080 GET /d 200'], 1)
  assert.equal(counts['10.0.1.10:8080 GET /e 200'], 1)
  assert.equal(sumOf(frames.map(ofFrame)).totals.connection.otherConnects, 0)
})
