/** The calls between a test and its process in a network namespace: raw backends, raw clients and their ledgers. */
import type { Certificates } from './certificates.ts'

/** One step of a raw peer on a connection. Each `send` is one segment: no Nagle delay, no coalescing. */
export type Step =
  | { readonly send: string }
  | { readonly pause: number }
  /** clients: waits until this file exists */
  | { readonly until: string }
  /** waits for this many bytes since the last wait */
  | { readonly bytes: number }
  /** clients: waits for this many complete answers since the beginning */
  | { readonly answers: number }
  /** a command in the peer's namespace, which has ended before the next step */
  | { readonly run: readonly string[] }
  /** ends the connection: FIN, RST, only our direction, or never; `torn`: FIN without TLS's close_notify */
  | { readonly end: 'fin' | 'rst' | 'half' | 'hang' | 'torn' }

/** By request target; `*` for all others. Without a rule: 200 with a short body. */
export type Rules = Readonly<Record<string, Rule>>
export interface Rule {
  readonly steps: readonly Step[]
  /** answers before the body of the request has arrived */
  readonly early?: boolean
  /** then says whatever it hears, until the connection ends */
  readonly echo?: boolean
}

/** Of a backend. */
export interface TlsOptions {
  readonly certificates: Certificates
  /** only this one */
  readonly version?: 'TLSv1.2' | 'TLSv1.3'
  /** `known`: those whose certificate is of our authority */
  readonly clients?: 'any' | 'known'
}

export interface ListenOptions {
  readonly address: string
  readonly port: number
  readonly rules?: Rules
  /** a minimal server that answers 200 to every request; handles tens of thousands per second */
  readonly fast?: boolean
  /** Nagle's algorithm on: a second small segment waits for the ACK of the first */
  readonly nagle?: boolean
  /** a PROXY protocol header goes before the first request */
  readonly proxied?: boolean
  readonly tls?: TlsOptions
  /** ms before a connection's bytes are read: its sender's buffers fill */
  readonly deaf?: number
}

export interface TalkOptions {
  readonly address: string
  readonly port: number
  readonly steps: readonly Step[]
  readonly localPort?: number
  readonly localAddress?: string
}

/** One step of an HTTP/2 backend's answer. */
export type H2Step =
  | { readonly interim: number }
  | { readonly head: number; readonly fields?: Readonly<Record<string, string>>; readonly last?: boolean }
  /** so many bytes in DATA frames */
  | { readonly data: number }
  | { readonly trailers: Readonly<Record<string, string>> }
  /** END_STREAM, in a frame without bytes */
  | { readonly last: true }
  /** RST_STREAM with this code; in TLS only before anything else of the stream, and nothing that is written by hand below */
  | { readonly rst: number }
  /** GOAWAY with this code; `below`: this stream is not among those that are served */
  | { readonly goaway: number; readonly below?: boolean }
  /** of the stream, all in one segment: type, flags, payload in hexadecimal */
  | { readonly frames: readonly (readonly [type: number, flags: number, payload: string])[] }
  /** WINDOW_UPDATE of this stream */
  | { readonly stray: number }
  | { readonly pause: number }
  /** of the connection, without a word of HTTP/2 */
  | { readonly end: 'fin' | 'rst' }

export interface H2Rule {
  readonly steps: readonly H2Step[]
  /** answers before the request has ended */
  readonly early?: boolean
}

export interface H2ListenOptions {
  readonly address: string
  readonly port: number
  /** by `:path`; `*` for all others. Without a rule: 200 with a short body */
  readonly rules?: Readonly<Record<string, H2Rule>>
  readonly tls?: TlsOptions
}

export type GrpcKind = 'unary' | 'client' | 'server' | 'bidi'

export interface GrpcListenOptions {
  readonly address: string
  readonly port: number
  readonly methods: Readonly<Record<string, GrpcKind>>
  readonly tls?: TlsOptions
}

/** What a call asks of the server. */
export interface GrpcAnswer {
  readonly status?: number
  /** of each message */
  readonly bytes?: number
  /** of a stream */
  readonly messages?: number
  /** before the answer; in a stream behind each message */
  readonly waitMs?: number
  /** the head first, and then the status alone: no trailers-only answer */
  readonly headFirst?: boolean
}

export interface GrpcCall {
  readonly path: string
  readonly kind: GrpcKind
  /** of each message that the client sends */
  readonly bytes?: number
  readonly messages?: number
  readonly everyMs?: number
  readonly deadlineMs?: number
  /** the client cancels when it has so many messages */
  readonly cancelAfter?: number
  readonly answer?: GrpcAnswer
}

export interface GrpcAskOptions {
  readonly address: string
  readonly port: number
  readonly calls: readonly GrpcCall[]
  readonly times?: number
  readonly connections?: number
}

/** What the client was told. */
export interface GrpcResult {
  readonly status: number
  readonly messages: number
  readonly bytes: number
}

/** What was received on a raw connection. */
export interface ClientResult {
  readonly bytes: number
  /** status codes of the complete answers in order, interim ones included */
  readonly codes: readonly number[]
  readonly ended: 'fin' | 'rst' | 'us' | 'refused'
}

export interface AskOptions {
  readonly address: string
  readonly port: number
  /** whole requests; each is sent when the one before it is answered */
  readonly requests: readonly string[]
  /** repeats the list */
  readonly times?: number
  readonly connections?: number
  /** replaces `{n}` in each request by a different number */
  readonly numbered?: boolean
}

/** `address METHOD target` → what the backend received and answered */
export type Truth = Readonly<Record<string, TruthRow>>
export interface TruthRow {
  readonly requests: number
  /** complete final heads, by status code */
  readonly codes: Readonly<Record<string, number>>
  /** exchanges of gRPC by grpc-status, `none` without one; absent where there were none */
  readonly grpc?: Readonly<Record<string, number>>
}

export interface Calls {
  listen(options: ListenOptions): number
  unlisten(port: number): void
  talk(options: TalkOptions): ClientResult
  talkMany(options: readonly TalkOptions[]): readonly ClientResult[]
  ask(options: AskOptions): readonly number[]
  grpcListen(options: GrpcListenOptions): number
  askGrpc(options: GrpcAskOptions): readonly GrpcResult[]
  h2Listen(options: H2ListenOptions): number
  ledger(): Truth
}

export type CallName = keyof Calls
export interface Call {
  readonly id: number
  readonly name: CallName
  readonly options: unknown
}
export interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}
