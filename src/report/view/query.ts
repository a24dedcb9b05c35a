/** The query of a request, checked: every name is known, none comes twice, numbers are numbers. */
import { usageError } from '../../errors.ts'
import { wallMicros } from '../../frame/model/units.ts'
import type { TimeSpan } from '../../frame/time/time.ts'

export class Query {
  readonly #params: URLSearchParams

  /** @throws UserError */
  constructor(text: string, names: readonly string[]) {
    this.#params = new URLSearchParams(text)
    for (const name of this.#params.keys()) {
      if (!names.includes(name))
        throw usageError(`"${name}" is nothing that can be asked here`, `These are: ${names.join(', ')}.`)
      if (this.#params.getAll(name).length > 1) throw usageError(`${name} is there twice`, 'Write it once.')
    }
  }

  /** null where it is absent or empty */
  text(name: string): string | null {
    const text = this.#params.get(name)
    return text === '' ? null : text
  }

  number(name: string): number | null {
    const text = this.text(name)
    if (text === null) return null
    const value = /^-?\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN
    if (Number.isFinite(value)) return value
    throw usageError(`${name} "${text}" is no number`, 'Write digits, with a point: 1795356000.5.')
  }

  /** A whole number within bounds; greater ones are the greatest. */
  count(name: string, otherwise: number, most: number): number {
    const value = this.number(name) ?? otherwise
    if (Number.isInteger(value) && value >= 1) return Math.min(value, most)
    throw usageError(`${name} "${value}" is no number from 1 on`, `For example ${name}=${otherwise}.`)
  }

  choice<T extends string>(name: string, among: readonly T[]): T {
    const found = among.find((one) => one === this.text(name))
    if (found !== undefined) return found
    throw usageError(`${name} "${this.text(name) ?? ''}" is none of these`, `${among.join(', ')}.`)
  }

  /** Which of the recordings. */
  side(name: string, sides: number): number {
    const side = this.number(name) ?? 0
    if (side === 0 || (side === 1 && sides > 1)) return side
    throw usageError(`${name} "${side}" is no side`, sides > 1 ? 'There are 0 and 1.' : 'There is only 0.')
  }

  /** Seconds since 1970, from `from` to `to`; what is absent is the end of `span`. */
  range(span: TimeSpan): TimeSpan {
    return within(this.number('from') ?? span.from / 1e6, this.number('to') ?? span.to / 1e6, span)
  }

  /** `from..to` in one */
  span(name: string, span: TimeSpan): TimeSpan {
    const text = this.text(name)
    if (text === null) return span
    const [, from, to] = /^(-?\d{1,15}(?:\.\d{1,9})?)\.\.(-?\d{1,15}(?:\.\d{1,9})?)$/.exec(text) ?? []
    if (from !== undefined && to !== undefined) return within(Number(from), Number(to), span)
    throw usageError(`${name} "${text}" is no range`, 'Write seconds since 1970: 1795356000..1795356060.')
  }
}

/** The part that is recorded. @throws UserError if there is none */
function within(from: number, to: number, span: TimeSpan): TimeSpan {
  if (from >= to)
    throw usageError(`the range ${from} to ${to} ends before it begins`, 'Write the earlier time first.')
  const clamp = (second: number) =>
    wallMicros(Math.max(span.from, Math.min(span.to, Math.round(second * 1e6))))
  const part = { from: clamp(from), to: clamp(to) }
  if (part.from < part.to) return part
  throw usageError(
    `nothing was recorded from ${from} to ${to}`,
    `The recording is from ${span.from / 1e6} to ${span.to / 1e6}.`,
  )
}
