/** Raw clients: one that follows a script, and one that asks many whole requests. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { codesIn, isFinal } from './messages.ts'
import type { AskOptions, Heard, Step, TalkOptions } from './protocol.ts'
import { sh } from './system.ts'

/** A script that waits for something that never comes ends after this. */
const PATIENCE_MS = 20_000

export async function talk({ address, port, steps, ...local }: TalkOptions): Promise<Heard> {
  const socket = connect({ host: address, port, noDelay: true, allowHalfOpen: true, ...local })
  const heard = listen(socket)
  if (!(await heard.until(() => heard.connected))) return heard.result('refused')
  for (const step of steps) {
    if (!(await follow(socket, heard, step))) break
  }
  const ended = heard.ended ?? 'us'
  socket.destroy()
  return heard.result(ended)
}

async function follow(socket: Socket, heard: Hearing, step: Step): Promise<boolean> {
  if ('send' in step) {
    socket.write(step.send, 'latin1')
    // The kernel has it before the next one: two sends are two segments.
    await new Promise((resolve) => setImmediate(resolve))
  } else if ('pause' in step) {
    await sleep(step.pause)
  } else if ('run' in step) {
    await sh(...step.run)
  } else if ('bytes' in step) {
    const goal = heard.read + step.bytes
    if (!(await heard.until(() => heard.text.length >= goal))) return false
    heard.read = goal
  } else if ('answers' in step) {
    return heard.until(() => codesIn(heard.text).filter(isFinal).length >= step.answers)
  } else {
    if (step.end === 'rst') socket.resetAndDestroy()
    if (step.end === 'fin' || step.end === 'half') socket.end()
    if (step.end !== 'rst') await heard.until(() => heard.ended !== null)
    return step.end === 'half'
  }
  return true
}

interface Hearing {
  text: string
  read: number
  connected: boolean
  ended: 'fin' | 'rst' | null
  until(condition: () => boolean): Promise<boolean>
  result(ended: Heard['ended']): Heard
}

function listen(socket: Socket): Hearing {
  let wake: () => void = () => undefined
  const hearing: Hearing = {
    text: '',
    read: 0,
    connected: false,
    ended: null,
    async until(condition) {
      const deadline = Date.now() + PATIENCE_MS
      while (!condition()) {
        if (hearing.ended !== null || Date.now() > deadline) return condition()
        await Promise.race([
          new Promise<void>((resolve) => (wake = resolve)),
          sleep(PATIENCE_MS, undefined, { ref: false }),
        ])
      }
      return true
    },
    result: (ended) => ({ bytes: hearing.text.length, codes: codesIn(hearing.text), ended }),
  }
  socket.setEncoding('latin1')
  const noting = (event: 'connect' | 'end' | 'error' | 'close', note: () => void): void => {
    socket.on(event, () => {
      note()
      wake()
    })
  }
  socket.on('data', (chunk: string) => {
    hearing.text += chunk
    wake()
  })
  noting('connect', () => (hearing.connected = true))
  noting('end', () => (hearing.ended ??= 'fin'))
  noting('error', () => (hearing.ended ??= 'rst'))
  noting('close', () => (hearing.ended ??= 'rst'))
  return hearing
}

/** Status codes in the order in which they came. A connection that was closed is opened again. */
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

  /** 0 when the connection ended without an answer */
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
    const whole =
      bodyless || (chunked ? this.#text.endsWith('0\r\n\r\n') : this.#text.length >= end + 4 + length)
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
