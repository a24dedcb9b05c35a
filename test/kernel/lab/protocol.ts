/** The calls between a test and its process in a network namespace: raw backends, raw clients and their ledgers. */

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
  /** ends the connection: FIN, RST, only our direction, or never */
  | { readonly end: 'fin' | 'rst' | 'half' | 'hang' }

/** By request target; `*` for all others. Without a rule: 200 with a short body. */
export type Rules = Readonly<Record<string, Rule>>
export interface Rule {
  readonly steps: readonly Step[]
  /** answers before the body of the request has arrived */
  readonly early?: boolean
  /** then says whatever it hears, until the connection ends */
  readonly echo?: boolean
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
}

export interface TalkOptions {
  readonly address: string
  readonly port: number
  readonly steps: readonly Step[]
  readonly localPort?: number
  readonly localAddress?: string
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
}

export interface Calls {
  listen(options: ListenOptions): number
  unlisten(port: number): void
  talk(options: TalkOptions): ClientResult
  talkMany(options: readonly TalkOptions[]): readonly ClientResult[]
  ask(options: AskOptions): readonly number[]
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
