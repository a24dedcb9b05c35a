/**
 * What bpf/kernel/parser/h2.h must tell of a direction's bytes, from whole frames, by another HPACK: hpack.js, with a dynamic table of no
 * size. For bytes that are valid.
 */
import hpack from 'hpack.js'
import { END_HEADERS, END_STREAM, framesOf, PADDED, PREFACE, PRIORITY, TYPE, type Frame } from './frames.ts'

export type Direction = 'requests' | 'answers'

/** As the checks in C write it. Offsets are those of the direction's bytes; texts are hexadecimal. */
export type Event =
  | { readonly is: 'nginx' | 'other' | 'invalid' }
  | Block
  | { readonly is: 'data' | 'reset'; readonly stream: number; readonly end: number }
  | { readonly is: 'going'; readonly number: number; readonly end: number }

/** A header block: a request, an answer, trailers. What it does not have is absent. */
export interface Block {
  readonly is: 'block'
  /** of its first frame */
  readonly begin: number
  readonly last: boolean
  readonly status?: number
  readonly grpcStatus?: number
  readonly isGrpc?: true
  readonly bad?: true
  readonly method?: string
  /** up to the query; the first 128 bytes */
  readonly path?: string
  readonly stream: number
  readonly end: number
}

/** RFC 9110, 5.6.2 */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const METHOD_MAX = 23
const PATH_MAX = 128
const GRPC_HIGHEST = 989
const GRPC_UNKNOWN = 2

/** @throws if a block cannot be decoded, or has a pseudo-header field twice */
export function eventsOf(bytes: Buffer, direction: Direction): readonly Event[] {
  const events: Event[] = []
  let first: Frame | null = null
  let block: Buffer[] = []
  for (const frame of framesOf(bytes, direction === 'requests' ? PREFACE.length : 0)) {
    switch (frame.type) {
      case TYPE.data:
        if (frame.flags & END_STREAM) events.push({ is: 'data', stream: frame.stream, end: frame.end })
        break
      case TYPE.headers:
      case TYPE.continuation:
        if (frame.type === TYPE.headers) {
          first = frame
          block = []
        }
        block.push(frame.type === TYPE.headers ? fragmentOf(frame) : frame.payload)
        if (frame.flags & END_HEADERS)
          events.push(blockOf(first!, frame.end, Buffer.concat(block), direction))
        break
      case TYPE.reset:
        events.push({ is: 'reset', stream: frame.stream, end: frame.end })
        break
      case TYPE.goaway:
        events.push({ is: 'going', number: frame.payload.readUInt32BE(0) & 0x7fffffff, end: frame.end })
        break
      case TYPE.settings:
        if (direction === 'requests' && !events.some(({ is }) => is === 'nginx') && !(frame.flags & 1))
          events.push({ is: allowsNoTable(frame.payload) ? 'nginx' : 'other' })
    }
    if (events.at(-1)?.is === 'other') break
  }
  return events
}

/** Without padding and priority. */
function fragmentOf({ flags, payload }: Frame): Buffer {
  const padded = flags & PADDED ? 1 : 0
  const begin = padded + (flags & PRIORITY ? 5 : 0)
  return payload.subarray(begin, payload.length - (padded ? payload[0]! : 0))
}

function allowsNoTable(settings: Buffer): boolean {
  const sizes: number[] = []
  for (let at = 0; at < settings.length; at += 6)
    if (settings.readUInt16BE(at) === 1) sizes.push(settings.readUInt32BE(at + 2))
  return sizes.length > 0 && sizes.every((size) => size === 0)
}

function blockOf(first: Frame, end: number, block: Buffer, direction: Direction): Block {
  const fields = decode(block)
  if (
    [':method', ':path', ':status'].some((name) => fields.filter((field) => field.name === name).length > 1)
  )
    throw new Error('a pseudo-header field twice')
  const last = (name: string): string | undefined => fields.findLast((field) => field.name === name)?.value
  const [status, grpc, method, path] = [last(':status'), last('grpc-status'), last(':method'), last(':path')]
  const isGrpc = fields.some(
    ({ name, value }) => name === 'content-type' && value.startsWith('application/grpc'),
  )
  const isStatus = status !== undefined && /^[1-9]\d\d$/.test(status)
  const isPath = path !== undefined && /^[^? \r\n][^ \r\n]*$/.test(path)
  const isRequest = direction === 'requests'
  const bad =
    (status !== undefined && !isStatus) ||
    (isRequest && ((path !== undefined && !isPath) || (method !== undefined && !TOKEN.test(method))))
  return {
    is: 'block',
    begin: first.at,
    last: (first.flags & END_STREAM) !== 0,
    ...(isStatus && { status: Number(status) }),
    ...(grpc !== undefined && { grpcStatus: grpcStatusOf(grpc) }),
    ...(isGrpc && { isGrpc }),
    ...(bad && { bad }),
    ...(isRequest && method !== undefined && !bad && { method: hex(method.slice(0, METHOD_MAX)) }),
    ...(direction === 'requests' &&
      isPath &&
      !bad && { path: hex(path.replace(/\?.*/s, '').slice(0, PATH_MAX)) }),
    stream: first.stream,
    end,
  }
}

function grpcStatusOf(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : GRPC_UNKNOWN
  return number <= GRPC_HIGHEST ? number : GRPC_UNKNOWN
}

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex')

interface Field {
  readonly name: string
  readonly value: string
}

function decode(block: Buffer): readonly Field[] {
  const decompressor = hpack.decompressor.create({ table: { maxSize: 0 } })
  const failed: Error[] = []
  decompressor.on('error', (error) => failed.push(error))
  decompressor.write(block)
  decompressor.execute()
  if (failed[0] !== undefined) throw failed[0]
  const fields: Field[] = []
  for (let field = decompressor.read(); field !== null; field = decompressor.read()) fields.push(field)
  return fields
}
