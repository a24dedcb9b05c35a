/** What a test asks of the process that lives in a network namespace: raw backends, raw clients and their ledgers. */

/** What a raw peer does on a connection. Each `send` is a segment of its own (no delay, nothing coalesced by Nagle). */
export type Step =
  | { readonly send: string }
  | { readonly pause: number }
  /** waits until this many bytes have come in since the last wait */
  | { readonly bytes: number }
  /** waits until this many complete answers have come in (clients), counted from the beginning */
  | { readonly answers: number }
  /** a command in the peer's namespace, which has ended before the next step */
  | { readonly run: readonly string[] }
  /** ends the connection: FIN, RST, our direction alone, or never */
  | { readonly end: 'fin' | 'rst' | 'half' | 'hang' }

/** By request target; `*` for the rest. Without a rule: 200 with a short body. */
export type Rules = Readonly<Record<string, Rule>>
export interface Rule {
  readonly steps: readonly Step[]
  /** answers before the request's body has come */
  readonly early?: boolean
}

export interface ListenOptions {
  readonly address: string
  readonly port: number
  readonly rules?: Rules
  /** answers every request with 200 by a minimal server that can do tens of thousands a second */
  readonly fast?: boolean
  /** Nagle's algorithm on: a second small segment waits until the first is acknowledged */
  readonly nagle?: boolean
}

export interface TalkOptions {
  readonly address: string
  readonly port: number
  readonly steps: readonly Step[]
  readonly localPort?: number
  readonly localAddress?: string
}

/** What came back on a raw connection. */
export interface Heard {
  readonly bytes: number
  /** status codes of the complete answers, in order, interim ones too */
  readonly codes: readonly number[]
  readonly ended: 'fin' | 'rst' | 'us' | 'refused'
}

export interface AskOptions {
  readonly address: string
  readonly port: number
  /** whole requests, sent one after the other, each once its predecessor is answered */
  readonly requests: readonly string[]
  /** the list as often as this */
  readonly times?: number
  readonly connections?: number
  /** replaces `{n}` in a request by a number of its own */
  readonly numbered?: boolean
}

/** `address METHOD target` → what the backend saw and said */
export type Truth = Readonly<Record<string, TruthRow>>
export interface TruthRow {
  readonly requests: number
  /** complete final heads, by status code */
  readonly codes: Readonly<Record<string, number>>
}

export interface Calls {
  listen(options: ListenOptions): number
  unlisten(port: number): void
  talk(options: TalkOptions): Heard
  talkMany(options: readonly TalkOptions[]): readonly Heard[]
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
