/** A gRPC server and a client, both of @grpc/grpc-js, without protobuf: messages are bytes. What an answer is like, the call says. */
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServerInterceptor,
  type ServerReadableStream,
  type ServerWritableStream,
  type ServiceError,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  GrpcAnswer,
  GrpcAskOptions,
  GrpcCall,
  GrpcKind,
  GrpcListenOptions,
  GrpcResult,
  TlsOptions,
  Truth,
} from './protocol.ts'

const asIs = (bytes: Buffer): Buffer => bytes
/** The header in which a call says what its answer is to be. */
const WISH = 'lab-answer'
const ANY_SIZE = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }

interface Row {
  requests: number
  codes: Record<string, number>
  grpc: Record<string, number>
}

export class GrpcServer {
  readonly #server: Server
  readonly #rows: Record<string, Row> = {}
  readonly port: number

  constructor(private readonly options: GrpcListenOptions) {
    this.port = options.port
    this.#server = new Server({ ...ANY_SIZE, interceptors: [this.#counting()] })
    for (const [path, kind] of Object.entries(options.methods))
      this.#server.register(path, HANDLERS[kind] as handleUnaryCall<Buffer, Buffer>, asIs, asIs, TYPES[kind])
  }

  async listen(): Promise<number> {
    const { address, port } = this.options
    const bind = promisify(this.#server.bindAsync.bind(this.#server))
    await bind(`${address}:${port}`, credentialsOf(this.options.tls))
    return port
  }

  close(): void {
    this.#server.forceShutdown()
  }

  truth(): Truth {
    return this.#rows
  }

  /** Below all handlers: what grpc-js sends by itself it does not see (a deadline that is over, an unknown method). */
  #counting(): ServerInterceptor {
    return ({ path }, call) => {
      const { address, port } = this.options
      const row = (this.#rows[`${address}:${port} POST ${path}`] ??= { requests: 0, codes: {}, grpc: {} })
      row.requests++
      let isAnswered = false
      const answered = (): void => {
        if (!isAnswered) row.codes[200] = (row.codes[200] ?? 0) + 1
        isAnswered = true
      }
      return new ServerInterceptingCall(call, {
        sendMetadata(metadata, next) {
          answered()
          next(metadata)
        },
        sendStatus(status, next) {
          answered()
          const code = status.code as number | undefined
          row.grpc[code ?? 0] = (row.grpc[code ?? 0] ?? 0) + 1
          next(status)
        },
      })
    }
  }
}

const credentialsOf = (tls: TlsOptions | undefined): ServerCredentials =>
  tls === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(null, [
        {
          cert_chain: readFileSync(tls.certificates.server.certificate),
          private_key: readFileSync(tls.certificates.server.key),
        },
      ])

const TYPES = {
  unary: 'unary',
  client: 'clientStream',
  server: 'serverStream',
  bidi: 'bidi',
} as const satisfies Record<GrpcKind, string>

const HANDLERS: Readonly<Record<GrpcKind, unknown>> = {
  unary(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    void answerOnce(call, done)
  },
  client(call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    call.on('error', () => undefined)
    call.resume().once('end', () => void answerOnce(call, done))
  },
  server(call: ServerWritableStream<Buffer, Buffer>): void {
    void answerMany(call)
  },
  bidi(call: ServerDuplexStream<Buffer, Buffer>): void {
    call.on('error', () => undefined)
    call.on('data', (message: Buffer) => call.write(message))
    call.once('end', () => endWith(call, wishOf(call.metadata).status ?? 0))
  },
}

const wishOf = (metadata: Metadata): GrpcAnswer =>
  JSON.parse(String(metadata.get(WISH)[0] ?? '{}')) as GrpcAnswer

async function answerOnce(
  call: ServerUnaryCall<Buffer, Buffer> | ServerReadableStream<Buffer, Buffer>,
  done: sendUnaryData<Buffer>,
): Promise<void> {
  const { status = 0, bytes = 0, waitMs = 0, headFirst = false } = wishOf(call.metadata)
  if (waitMs > 0) await sleep(waitMs)
  if (headFirst) call.sendMetadata(new Metadata())
  if (status === 0) done(null, Buffer.alloc(bytes, 'a'))
  else done(Object.assign(new Error(`status ${status}`), { code: status }))
}

async function answerMany(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  const { status = 0, bytes = 0, messages = 1, waitMs = 0 } = wishOf(call.metadata)
  call.on('error', () => undefined)
  for (let n = 0; n < messages && !call.cancelled; n++) {
    call.write(Buffer.alloc(bytes, 'a'))
    if (waitMs > 0) await sleep(waitMs)
  }
  if (!call.cancelled) endWith(call, status)
}

function endWith(
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  status: number,
): void {
  if (status === 0) call.end()
  else call.emit('error', { code: status, details: `status ${status}` })
}

/** One call at a time on each of `connections`. Results are in the order of the calls. */
export async function askGrpc(options: GrpcAskOptions): Promise<readonly GrpcResult[]> {
  const { address, port, calls, times = 1, connections = 1 } = options
  const results: GrpcResult[] = []
  let next = 0
  const work = async (): Promise<void> => {
    const client = new Client(`${address}:${port}`, credentials.createInsecure(), {
      ...ANY_SIZE,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
    })
    while (next < calls.length * times) {
      const n = next++
      results[n] = await ask(client, calls[n % calls.length]!)
    }
    client.close()
  }
  await Promise.all(Array.from({ length: connections }, work))
  return results
}

type AnyCall =
  | ClientUnaryCall
  | ClientReadableStream<Buffer>
  | ClientWritableStream<Buffer>
  | ClientDuplexStream<Buffer, Buffer>

function ask(client: Client, call: GrpcCall): Promise<GrpcResult> {
  const metadata = new Metadata()
  metadata.set(WISH, JSON.stringify(call.answer ?? {}))
  const options = call.deadlineMs === undefined ? {} : { deadline: Date.now() + call.deadlineMs }
  return new Promise((resolve) => {
    let [received, bytes] = [0, 0]
    const took = (message: Buffer | undefined): void => {
      if (message === undefined) return
      received++
      bytes += message.length
      if (received === call.cancelAfter) running.cancel()
    }
    const answered = (_error: ServiceError | null, message?: Buffer): void => took(message)
    const begin = (): AnyCall => {
      const { path, kind, bytes: size = 0 } = call
      const message = Buffer.alloc(size, 'q')
      if (kind === 'unary')
        return client.makeUnaryRequest(path, asIs, asIs, message, metadata, options, answered)
      if (kind === 'server')
        return client.makeServerStreamRequest(path, asIs, asIs, message, metadata, options)
      if (kind === 'client')
        return client.makeClientStreamRequest(path, asIs, asIs, metadata, options, answered)
      return client.makeBidiStreamRequest(path, asIs, asIs, metadata, options)
    }
    const running = begin()
    // Streams have it; a unary call has its callback.
    if ('read' in running || 'write' in running) running.on('error', () => undefined)
    running.on('status', ({ code }) => resolve({ status: code, messages: received, bytes }))
    if ('read' in running) running.on('data', took)
    if ('write' in running) void send(running, call)
  })
}

async function send(
  stream: ClientWritableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
  { bytes = 0, messages = 1, everyMs = 0 }: GrpcCall,
): Promise<void> {
  for (let n = 0; n < messages && !stream.destroyed; n++) {
    stream.write(Buffer.alloc(bytes, 'q'))
    if (everyMs > 0) await sleep(everyMs)
  }
  stream.end()
}
