/** bpf/kernel/parser/h2.h on the host: test/kernel/bpf/h2.c, as a process that gets a line and says one. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Direction, Event } from './twin.ts'

export const lineOf = (bytes: Buffer, direction: Direction, cuts: readonly number[] = []): string =>
  `${direction === 'requests' ? 'R' : 'A'} ${cuts.length === 0 ? '-' : cuts.join(',')} ${bytes.toString('hex')}\n`

export class Reader {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: Interface
  readonly #ended: Promise<never>
  #said = ''

  constructor(program: string) {
    this.#process = spawn(program, ['events'])
    this.#process.stderr.on('data', (text: Buffer) => (this.#said += text.toString()))
    this.#lines = createInterface(this.#process.stdout)
    this.#ended = once(this.#process, 'exit').then(() => {
      throw new Error(`the reader has ended: ${this.#said}`)
    })
    this.#ended.catch(() => undefined) // who reads will see it
  }

  /** @param cuts where a segment ends and the next one begins */
  async read(bytes: Buffer, direction: Direction, cuts: readonly number[]): Promise<readonly Event[]> {
    const line = once(this.#lines, 'line') as Promise<[string]>
    this.#process.stdin.write(lineOf(bytes, direction, cuts))
    const [text] = await Promise.race([line, this.#ended])
    return JSON.parse(text) as readonly Event[]
  }

  stop(): void {
    this.#process.kill()
  }
}
