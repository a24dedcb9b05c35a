/** Bytes of a direction for property tests: what nginx sends, and whatever a backend may answer it. */
import fc, { type Arbitrary } from 'fast-check'
import { fieldBytes, LITERALS, NO_TABLE, type Field } from './block.ts'
import { ACK, END_HEADERS, END_STREAM, frame, PADDED, PREFACE, PRIORITY, TYPE } from './frames.ts'

const literal = fc.constantFrom(...(Object.keys(LITERALS) as (keyof typeof LITERALS)[]))
const field = (name: Arbitrary<string>, value: Arbitrary<string>): Arbitrary<Field> =>
  fc.record({
    name,
    value,
    by: fc.constantFrom('index', 'name', 'nothing'),
    literal,
    huffmanName: fc.boolean(),
    huffmanValue: fc.boolean(),
  })
const is = (name: string, ...values: readonly Arbitrary<string>[]): Arbitrary<Field> =>
  field(fc.constant(name), fc.oneof(...values))

/** Any byte, and often the usual ones. */
const text = (unit: Arbitrary<string>, most: number): Arbitrary<string> =>
  fc.string({ unit, maxLength: most, size: 'max' })
const anyByte = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte))
const usual = fc.constantFrom(...Array.from('abcdefghijklmnopqrstuvwxyz0123456789-_.~%'))
const value = fc.oneof(
  { weight: 5, arbitrary: text(usual, 40) },
  text(anyByte, 60),
  text(usual, 700), // longer than a chunk
)

const other = field(
  fc.oneof(
    fc.constantFrom('server', 'date', 'content-length', 'x-request-id', 'grpc-message', 'grpc-statut', 'te'),
    fc.constantFrom('content-typ', 'content-types', ':authority', ':scheme', 'x', ''),
    text(usual, 40),
  ),
  value,
)
const others = fc.array(other, { maxLength: 4 })

/** Some fields in any order, each once. */
const block = (fields: Arbitrary<readonly Field[]>): Arbitrary<Buffer> =>
  fc
    .tuple(fc.boolean(), fields)
    .map(([resized, all]) => Buffer.concat([...(resized ? [NO_TABLE] : []), ...all.map(fieldBytes)]))

const withOthers = (fields: readonly Arbitrary<Field | null>[]): Arbitrary<readonly Field[]> =>
  fc
    .tuple(others, ...fields)
    .chain(([more, ...some]) =>
      fc.shuffledSubarray([...more, ...some.filter((one) => one !== null)], { minLength: more.length }),
    )
const maybe = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | null> => fc.option(arbitrary)

/** A block in frames: with padding and a priority, and cut into continuations anywhere. */
const inFrames = (bytes: Buffer, stream: number, last: boolean): Arbitrary<Buffer> =>
  fc
    .record({
      cuts: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        fc.array(fc.nat(bytes.length), { maxLength: 5 }),
      ),
      padding: maybe(fc.nat(255)),
      priority: fc.boolean(),
      alike: fc.boolean(),
    })
    .map(({ cuts, padding, priority, alike }) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
      const parts = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
      return Buffer.concat(
        parts.map((part, index) => {
          const ends = index === parts.length - 1 ? END_HEADERS : 0
          if (index > 0)
            return frame(TYPE.continuation, ends | (alike ? END_STREAM | PADDED : 0), stream, part)
          const flags =
            ends | (last ? END_STREAM : 0) | (padding === null ? 0 : PADDED) | (priority ? PRIORITY : 0)
          return frame(TYPE.headers, flags, stream, framed(part, padding, priority))
        }),
      )
    })

const framed = (part: Buffer, padding: number | null, priority: boolean): Buffer =>
  Buffer.concat([
    Buffer.from(padding === null ? [] : [padding]),
    Buffer.alloc(priority ? 5 : 0, 0x7f),
    part,
    Buffer.alloc(padding ?? 0),
  ])

const size = fc.oneof({ weight: 4, arbitrary: fc.nat(60) }, fc.nat(1500), fc.constantFrom(0, 8192, 16000))
const data = (stream: number, last: boolean): Arbitrary<Buffer> =>
  fc.tuple(size, maybe(fc.nat(255))).map(([length, padding]) => {
    // looks like frames, wherever it is cut
    const bytes = Buffer.alloc(
      length,
      frame(TYPE.headers, END_HEADERS | END_STREAM, stream, Buffer.from([0x88])),
    )
    const flags = (last ? END_STREAM : 0) | (padding === null ? 0 : PADDED)
    return frame(TYPE.data, flags, stream, framed(bytes, padding, false))
  })

const bytes = (most: number): Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most })
/** Frames that say nothing of a stream's exchange. */
const between = (stream: number): Arbitrary<Buffer> =>
  fc.oneof(
    fc.constant(frame(TYPE.settings, ACK, 0, Buffer.alloc(0))),
    fc.constant(frame(TYPE.ping, 0, 0, Buffer.alloc(8, 1))),
    fc.constant(frame(TYPE.windowUpdate, 0, 0, Buffer.from([0, 1, 0, 0]))),
    fc.constant(frame(TYPE.windowUpdate, 0, stream, Buffer.from([0, 1, 0, 0]))),
    fc.constant(frame(TYPE.priority, 0, stream, Buffer.alloc(5))),
    fc
      .tuple(fc.integer({ min: 10, max: 255 }), fc.nat(255), bytes(40))
      .map(([type, flags, payload]) => frame(type, flags, stream, payload)),
  )

/** The frames with others between them, and none within a block. */
const among = (stream: number, frames: readonly Arbitrary<Buffer>[]): Arbitrary<Buffer> =>
  fc
    .tuple(...frames.flatMap((one) => [fc.array(between(stream), { maxLength: 1 }), one.map((it) => [it])]))
    .map((all) => Buffer.concat(all.flat()))

const blockFrames = (fields: Arbitrary<readonly Field[]>, stream: number, last: boolean): Arbitrary<Buffer> =>
  block(fields).chain((it) => inFrames(it, stream, last))

const streamIds = (index: number): number => 2 * index + 1
const several = (of: (stream: number) => Arbitrary<Buffer>): Arbitrary<Buffer> =>
  fc
    .integer({ min: 1, max: 4 })
    .chain((count) =>
      fc
        .tuple(...Array.from({ length: count }, (_, index) => of(streamIds(index))))
        .map((all) => Buffer.concat(all)),
    )

/* ---- requests ---- */

const method = is(':method', fc.constantFrom('GET', 'POST', 'PUT', 'M-SEARCH', 'A'.repeat(30)))
const pathUnit = fc.constantFrom(
  ...Array.from('abcXYZ0123456789-_.~%:@!$&()*+,;=/#{}|^`"<>[]\\'),
  '\x7f',
  '\xe9',
  '\xff',
)
const path = is(
  ':path',
  fc.constantFrom('/', '/index.html', '*', '/api?q=/1', '/?'),
  text(fc.oneof({ weight: 9, arbitrary: usual }, pathUnit), 60).map((rest) => `/${rest}`),
  text(fc.oneof(usual, pathUnit, fc.constant('?')), 700).map((rest) => `/${rest}`),
  text(anyByte, 30).map((rest) => `/${rest}`),
)
const contentType = is(
  'content-type',
  fc.constantFrom('application/grpc', 'application/grpc+proto', 'application/grpc-web', 'application/grp'),
  fc.constantFrom('application/json', 'text/html', 'application/grpd', '', 'xapplication/grpc'),
)

/** nginx has the method first, then the scheme, then the path. */
const request = (stream: number): Arbitrary<Buffer> => {
  const usually = fc
    .tuple(method, is(':scheme', fc.constantFrom('http', 'https')), path, maybe(contentType), others)
    .map(([m, s, p, type, more]) => [m, s, p, ...(type === null ? [] : [type]), ...more])
  const fields = fc.oneof(usually, withOthers([method, path, contentType].map(maybe)))
  return fc
    .nat(2)
    .chain((bodies) =>
      among(stream, [
        blockFrames(fields, stream, bodies === 0),
        ...Array.from({ length: bodies }, (_, index) => data(stream, index === bodies - 1)),
      ]),
    )
}

const setting = (id: number, value: number): Buffer => {
  const out = Buffer.alloc(6)
  out.writeUInt16BE(id, 0)
  out.writeUInt32BE(value, 2)
  return out
}
const settings = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constant([setting(1, 0)]) },
      fc.constant([]),
      fc.constant([setting(1, 4096)]),
    ),
    fc.array(
      fc.tuple(fc.integer({ min: 2, max: 9 }), fc.nat()).map(([id, it]) => setting(id, it)),
      { maxLength: 4 },
    ),
  )
  .chain(([size, more]) => fc.shuffledSubarray([...size, ...more], { minLength: size.length + more.length }))
  .map((all) => frame(TYPE.settings, 0, 0, Buffer.concat(all)))

export const requests: Arbitrary<Buffer> = fc
  .tuple(settings, several(request))
  .map(([first, rest]) => Buffer.concat([PREFACE, first, rest]))

/* ---- answers ---- */

const status = is(
  ':status',
  fc.constantFrom('200', '204', '206', '304', '400', '404', '500', '999', '201', '503'),
)
const interim = is(':status', fc.constantFrom('100', '103', '199'))
const oddStatus = is(':status', fc.constantFrom('', '20', '2000', '099', '2x0', 'abc', '1000000000000000000'))
const grpcStatus = is(
  'grpc-status',
  fc.nat(20).map(String),
  fc.constantFrom(
    '989',
    '990',
    '999',
    '1000',
    '007',
    '000',
    '0000',
    '-1',
    '1 ',
    'OK',
    '12345678901234567890',
  ),
)

const reset = (stream: number): Arbitrary<Buffer> =>
  fc.nat(13).map((code) => frame(TYPE.reset, 0, stream, Buffer.from([0, 0, 0, code])))
const goingAway = fc
  .tuple(fc.nat(9), bytes(40))
  .map(([last, debug]) => frame(TYPE.goaway, 0, 0, Buffer.from([0, 0, 0, last, 0, 0, 0, 0, ...debug])))

const answer = (stream: number): Arbitrary<Buffer> => {
  const head = withOthers([contentType, grpcStatus].map(maybe)).chain((more) =>
    fc.oneof({ weight: 9, arbitrary: status }, oddStatus).map((first) => [first, ...more]),
  )
  const trailers = withOthers([grpcStatus, contentType].map(maybe))
  return fc
    .record({
      interims: fc.nat(2),
      bodies: fc.nat(3),
      ending: fc.constantFrom('head', 'data', 'trailers', 'reset', 'goaway', 'open'),
    })
    .chain(({ interims, bodies, ending }) =>
      among(stream, [
        ...Array.from({ length: interims }, () => blockFrames(withOthers([interim]), stream, false)),
        blockFrames(head, stream, ending === 'head'),
        ...Array.from({ length: bodies }, () => data(stream, false)),
        ...(ending === 'data' ? [data(stream, true)] : []),
        ...(ending === 'trailers' ? [blockFrames(trailers, stream, true)] : []),
        ...(ending === 'reset' ? [reset(stream)] : []),
        ...(ending === 'goaway' ? [goingAway] : []),
      ]),
    )
}

/** A server may speak first. */
export const answers: Arbitrary<Buffer> = fc
  .tuple(settings, several(answer))
  .map(([first, rest]) => Buffer.concat([first, rest]))
