/** A backend of HTTP/2, in plaintext or in TLS, on node's http2, which answers by rules: what gRPC's servers never do, and nginx must bear. */
import { once } from 'node:events'
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { H2ListenOptions, H2Rule, H2Step, Truth } from './protocol.ts'
import { Connections, nodeOptions } from './tls.ts'

interface Row {
  requests: number
  codes: Record<string, number>
}

const DEFAULT_RULE: H2Rule = { steps: [{ head: 200 }, { data: 3 }, { last: true }] }

export class H2Backend {
  readonly #server: Http2Server | Http2SecureServer
  readonly #rows: Record<string, Row> = {}
  readonly #connections: Connections
  readonly port: number

  constructor(private readonly options: H2ListenOptions) {
    this.port = options.port
    const how = { maxSendHeaderBlockLength: 1 << 20 }
    this.#server =
      options.tls === undefined
        ? createServer(how)
        : createSecureServer({ ...how, ...nodeOptions(options.tls) })
    this.#connections = new Connections(this.#server)
    this.#server.on('sessionError', () => undefined)
    this.#server.on('stream', (stream, headers) => {
      const [method, path] = [headers[':method'] ?? '', headers[':path'] ?? '']
      const row = this.#row(method, path)
      row.requests++
      stream.on('error', () => undefined)
      const rule = this.options.rules?.[path] ?? this.options.rules?.['*'] ?? DEFAULT_RULE
      const begin = (): void => void this.#perform(stream, rule, row)
      if (rule.early === true) begin()
      else stream.once('end', begin)
      stream.resume()
    })
  }

  async listen(): Promise<number> {
    this.#server.listen(this.options.port, this.options.address, 4096)
    await once(this.#server, 'listening')
    return this.port
  }

  close(): void {
    this.#server.close()
    this.#connections.destroy()
  }

  truth(): Truth {
    return this.#rows
  }

  #row(method: string, path: string): Row {
    const { address, port } = this.options
    return (this.#rows[`${address}:${port} ${method} ${path.split('?', 1)[0]!}`] ??= {
      requests: 0,
      codes: {},
    })
  }

  async #perform(stream: ServerHttp2Stream, { steps }: H2Rule, row: Row): Promise<void> {
    const trailers = steps.find((step) => 'trailers' in step)
    const socket = this.#connections.of(stream.session?.socket.remotePort)
    for (const step of steps) {
      if ('pause' in step) await sleep(step.pause)
      else if (stream.destroyed && !('end' in step)) return
      else if ('end' in step) endSocket(socket, step.end)
      else if ('rst' in step && this.options.tls !== undefined) stream.close(step.rst)
      else if ('rst' in step) socket?.write(rstStream(stream.id ?? 0, step.rst))
      else if ('stray' in step) socket?.write(frameOf(8, 0, step.stray, '00000001'))
      else if ('frames' in step)
        socket?.write(
          Buffer.concat(step.frames.map(([type, flags, hex]) => frameOf(type, flags, stream.id ?? 0, hex))),
        )
      else if ('head' in step) {
        stream.respond(headOf(step), {
          endStream: step.last === true,
          waitForTrailers: trailers !== undefined,
        })
        row.codes[step.head] = (row.codes[step.head] ?? 0) + 1
      } else act(stream, step)
      // What was said so far leaves before the next step.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

type Said = Exclude<
  H2Step,
  | { readonly rst: number }
  | { readonly frames: unknown }
  | { readonly stray: number }
  | { readonly pause: number }
  | { readonly end: string }
  | { readonly head: number }
>

function act(stream: ServerHttp2Stream, step: Said): void {
  if ('interim' in step) stream.additionalHeaders({ ':status': step.interim })
  else if ('data' in step) stream.write(Buffer.alloc(step.data, 'd'))
  else if ('trailers' in step) {
    stream.once('wantTrailers', () => stream.sendTrailers(step.trailers))
    stream.end()
  } else if ('last' in step) stream.end()
  else stream.session?.goaway(step.goaway, (stream.id ?? 0) - (step.below === true ? 2 : 0))
}

/** By hand: node ends a stream of which it has sent a part in order, whatever the code. Within TLS only node can write. */
const rstStream = (id: number, code: number): Buffer => frameOf(3, 0, id, code.toString(16).padStart(8, '0'))

export function frameOf(type: number, flags: number, stream: number, hex = ''): Buffer {
  const payload = Buffer.from(hex, 'hex')
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

const headOf = ({ head, fields = {} }: Extract<H2Step, { readonly head: number }>): OutgoingHttpHeaders => ({
  ':status': head,
  ...fields,
})

function endSocket(socket: Socket | undefined, how: 'fin' | 'rst'): void {
  if (how === 'rst') socket?.resetAndDestroy()
  else socket?.end()
}
