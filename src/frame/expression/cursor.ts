import { ExpressionError } from './expression.ts'

/** The parser's position in the text. Every method first skips blanks. */
export class Cursor {
  #at = 0
  constructor(readonly text: string) {}

  /** position of the next word */
  get start(): number {
    while (/\s/.test(this.text[this.#at] ?? 'x')) this.#at++
    return this.#at
  }
  get ended(): boolean {
    return this.start >= this.text.length
  }
  /** @param pattern must be sticky */
  match(pattern: RegExp): string | null {
    pattern.lastIndex = this.start
    const found = pattern.exec(this.text)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }
  follows(pattern: RegExp): boolean {
    pattern.lastIndex = this.start
    return pattern.test(this.text)
  }
  take(sign: string): boolean {
    const found = this.text.startsWith(sign, this.start)
    if (found) this.#at += sign.length
    return found
  }
  takeWord(word: string): boolean {
    return this.match(new RegExp(`${word}\\b`, 'iy')) !== null
  }
  /** The text inside '…' or "…"; null if the next character is no quote. @throws ExpressionError */
  quoted(): string | null {
    const open = this.text[this.start]
    if (open !== "'" && open !== '"') return null
    const close = this.text.indexOf(open, this.#at + 1)
    if (close < 0) throw this.error(`expected a closing ${open}`)
    const inner = this.text.slice(this.#at + 1, close)
    this.#at = close + 1
    return inner
  }
  error(message: string): ExpressionError {
    const found = this.ended ? 'the end' : JSON.stringify(this.text.slice(this.start).split(/\s/, 1)[0])
    return new ExpressionError(`${message}, found ${found}`, this.text, this.start)
  }
}
