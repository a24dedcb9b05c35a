/** Raw clients: `talk` follows a script, `ask` sends many whole requests. */
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { codesIn, isFinal } from './messages.ts'
import type { AskOptions, ClientResult, Step, TalkOptions } from './protocol.ts'
import { sh } from './system.ts'

/** A wait in a script ends after this. */
const PATIENCE_MS = 20_000

export async function talk({ address, port, steps, ...local }: TalkOptions): Promise<ClientResult> {
  const socket = connect({ host: address, port, noDelay: true, allowHalfOpen: true, ...local })
  const reader = listen(socket)
  if (!(await reader.until(() => reader.connected))) return reader.result('refused')
  for (const step of steps) {
    if (!(await follow(socket, reader, step))) break
  }
  const ended = reader.ended ?? 'us'
  socket.destroy()
  return reader.result(ended)
}

async function follow(socket: Socket, reader: ResponseReader, step: Step): Promise<boolean> {
  if ('send' in step) {
    socket.write(step.send, 'latin1')
    // The write reaches the kernel before the next one, so that two sends are two segments.
    await new Promise((resolve) => setImmediate(resolve))
  } else if ('pause' in step) {
    await sleep(step.pause)
  } else if ('until' in step) {
    while (!existsSync(step.until)) await sleep(20)
  } else if ('run' in step) {
    await sh(...step.run)
  } else if ('bytes' in step) {
    const goal = reader.read + step.bytes
    if (!(await reader.until(() => reader.text.length >= goal))) return false
    reader.read = goal
  } else if ('answers' in step) {
    return reader.until(() => codesIn(reader.text).filter(isFinal).length >= step.answers)
  } else {
    if (step.end === 'rst') socket.resetAndDestroy()
    if (step.end === 'fin' || step.end === 'half') socket.end()
    if (step.end !== 'rst') await reader.until(() => reader.ended !== null)
    return step.end === 'half'
  }
  return true
}

interface ResponseReader {
  text: string
  read: number
  connected: boolean
  ended: 'fin' | 'rst' | null
  until(condition: () => boolean): Promise<boolean>
  result(ended: ClientResult['ended']): ClientResult
}

function listen(socket: Socket): ResponseReader {
  let wake: () => void = () => undefined
  const reader: ResponseReader = {
    text: '',
    read: 0,
    connected: false,
    ended: null,
    async until(condition) {
      const deadline = Date.now() + PATIENCE_MS
      while (!condition()) {
        if (reader.ended !== null || Date.now() > deadline) return condition()
        await Promise.race([
          new Promise<void>((resolve) => (wake = resolve)),
          sleep(PATIENCE_MS, undefined, { ref: false }),
        ])
      }
      return true
    },
    result: (ended) => ({ bytes: reader.text.length, codes: codesIn(reader.text), ended }),
  }
  socket.setEncoding('latin1')
  const onEvent = (event: 'connect' | 'end' | 'error' | 'close', note: () => void): void => {
    socket.on(event, () => {
      note()
      wake()
    })
  }
  socket.on('data', (chunk: string) => {
    reader.text += chunk
    wake()
  })
  onEvent('connect', () => (reader.connected = true))
  onEvent('end', () => (reader.ended ??= 'fin'))
  onEvent('error', () => (reader.ended ??= 'rst'))
  onEvent('close', () => (reader.ended ??= 'rst'))
  return reader
}

/** Returns the status codes in order of arrival. A closed connection is opened again. */
export async function ask(options: AskOptions): Promise<readonly number[]> {
  const { address, port, requests, times = 1, connections = 1, numbered = false } = options
  const total = requests.length * times
  const codes: number[] = []
  let next = 0
  const work = async (): Promise<void> => {
    let connection = new Connection(address, port)
    while (next < total) {
      const n = next++
      const text = requests[n % requests.length]!
      if (!connection.usable) connection = new Connection(address, port)
      codes.push(await connection.ask(numbered ? text.replace('{n}', String(n)) : text))
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: connections }, work))
  return codes
}

/** With trailers, if there are any. */
const LAST_CHUNK = /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n$/

class Connection {
  usable = true
  readonly #socket: Socket
  #text = ''
  #resolve: (code: number) => void = () => undefined

  constructor(address: string, port: number) {
    this.#socket = connect({ host: address, port, noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk: string) => this.#receive(chunk))
    this.#socket.setTimeout(PATIENCE_MS, () => this.#socket.destroy())
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.usable = false
      this.#resolve(0)
    })
  }

  /** Resolves with 0 if the connection ends without an answer. */
  async ask(request: string): Promise<number> {
    this.#text = ''
    const isHead = request.startsWith('HEAD ')
    return new Promise((resolve) => {
      this.#resolve = (code) => {
        this.#resolve = () => undefined
        resolve(code)
      }
      this.#isHead = isHead
      this.#socket.write(request, 'latin1')
    })
  }

  #isHead = false

  #receive(chunk: string): void {
    this.#text += chunk
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = this.#text.slice(0, end + 2)
    const code = Number(head.slice(9, 12))
    if (!isFinal(code)) {
      this.#text = this.#text.slice(end + 4)
      if (this.#text !== '') this.#receive('')
      return
    }
    const length = Number(/\r\ncontent-length:[ \t]*(\d+)/i.exec(head)?.[1] ?? 0)
    const chunked = /\r\ntransfer-encoding:[ \t]*chunked/i.test(head)
    const bodyless = this.#isHead || code === 204 || code === 304
    const whole = bodyless || (chunked ? LAST_CHUNK.test(this.#text) : this.#text.length >= end + 4 + length)
    if (!whole) return
    if (/\r\nconnection:[ \t]*close/i.test(head)) {
      this.usable = false
      this.#socket.destroy()
    }
    this.#resolve(code)
  }

  close(): void {
    this.#socket.destroy()
  }
}
