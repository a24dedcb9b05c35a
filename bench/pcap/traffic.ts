/**
 * A capture of a proxy at work, as long as one likes: a block of some seconds of 64 kept connections to eight backends, again and
 * again, each time at its own time and from other ports. Answers of 200 B to 1 MB in segments of 1,448 bytes, an ACK for each two.
 */
import { Conversation, LINKS, pcap, START, type Packet } from '../../test/record/pcap/conversation.ts'

/** ms that a connection is silent in all */
const SILENCE = 6000
const CONNECTIONS = 64
const SEGMENT = 1448
const FILE_HEADER = 24
const RECORD_HEADER = 16
/** of the ports, behind Ethernet and IPv4 */
const PORTS = RECORD_HEADER + 14 + 20
const FIRST_PORT = 10_000
const PORT_TURNS = 500

export interface Block {
  readonly bytes: Buffer
  readonly packets: number
  readonly seconds: number
}

/** @param requests of a connection */
export function makeBlock(requests: number): Block {
  const below = random(1)
  const packets: Packet[] = []
  for (let i = 0; i < CONNECTIONS; i++) packets.push(...connection(i, requests, below))
  packets.sort((a, b) => Number(a.at - b.at))
  return {
    bytes: pcap(packets, LINKS.Ethernet).subarray(FILE_HEADER),
    packets: packets.length,
    seconds: Math.ceil(Number(packets.at(-1)!.at - START) / 1e9),
  }
}

/** The file, in parts: its header, then a block each. */
export function* captureOf(block: Block, blocks: number): Generator<Buffer> {
  yield pcap([], LINKS.Ethernet)
  for (let i = 0; i < blocks; i++) yield moved(block, i)
}

function moved({ bytes, seconds }: Block, turn: number): Buffer {
  const copy = Buffer.from(bytes)
  const shift = (turn % PORT_TURNS) * CONNECTIONS
  for (let at = 0; at < copy.length; at += RECORD_HEADER + copy.readUInt32LE(at + 8)) {
    copy.writeUInt32LE(copy.readUInt32LE(at) + turn * seconds, at)
    const source = copy.readUInt16BE(at + PORTS)
    const ofClient = at + PORTS + (source === 8080 ? 2 : 0)
    copy.writeUInt16BE(copy.readUInt16BE(ofClient) + shift, ofClient)
  }
  return copy
}

function connection(number: number, requests: number, below: (limit: number) => number): readonly Packet[] {
  const conversation = new Conversation(
    {
      client: '10.0.0.1',
      server: `10.0.1.${10 + (number % 8)}`,
      clientPort: FIRST_PORT + number,
      serverPort: 8080,
    },
    START + BigInt(below(1_000_000_000)),
  )
  conversation.open()
  const pause = Math.ceil(SILENCE / requests)
  for (let i = 0; i < requests; i++) {
    ask(conversation, below)
    answer(conversation, below)
    conversation.waits(Math.min(below(2 * pause), 2000))
  }
  return conversation.close().packets
}

const HEADERS =
  'Host: shop.example.com\r\nX-Real-IP: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n' +
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: application/json, text/plain, */*\r\n' +
  'Accept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=4e0f5f8a1d8a4f6c9c0e7d0f4b1a2c3d; theme=dark\r\n'

function ask(conversation: Conversation, below: (limit: number) => number): void {
  const path = `/api/v1/${['items', 'users', 'orders', 'prices', 'search'][below(5)]!}/${below(10_000)}`
  if (below(10) > 0) {
    conversation.asks(`GET ${path} HTTP/1.1\r\n${HEADERS}\r\n`)
    return
  }
  const length = 100 + below(2 * SEGMENT)
  conversation.asks(
    `POST ${path} HTTP/1.1\r\n${HEADERS}Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
  )
  for (const part of segments('x'.repeat(length))) conversation.asks(part)
}

/** Most are small; of the bytes most are large ones'. */
function answer(conversation: Conversation, below: (limit: number) => number): void {
  const [status, length] = sizeOf(below(1000), below)
  const head = `HTTP/1.1 ${status}\r\nServer: backend\r\nDate: Sat, 22 Nov 2025 14:00:00 GMT\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: ${length}\r\nConnection: keep-alive\r\n\r\n`
  segments(head + 'y'.repeat(length)).forEach((part, i) => {
    conversation.answers(part)
    if (i % 2 === 1) conversation.acknowledges()
  })
  conversation.acknowledges()
}

function sizeOf(chance: number, below: (limit: number) => number): readonly [string, number] {
  if (chance < 10) return ['500 Internal Server Error', 200]
  if (chance < 40) return ['404 Not Found', 200]
  if (chance < 700) return ['200 OK', 200 + below(1500)]
  if (chance < 950) return ['200 OK', 2000 + below(20_000)]
  if (chance < 998) return ['200 OK', 50_000 + below(200_000)]
  return ['200 OK', 1_000_000]
}

function segments(text: string): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / SEGMENT) }, (_, i) =>
    text.slice(i * SEGMENT, (i + 1) * SEGMENT),
  )
}

function random(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}
