/** The terminal's input as keys, one listener; a sequence may arrive in pieces. */
import { StringDecoder } from 'node:string_decoder'
import { decodeKeys, patience, type Press } from './keys.ts'
import type { Terminal } from './screen.ts'

/** @param gone called when the terminal is closed @returns a function that stops listening */
export function listenToKeys(
  { input }: Terminal,
  pressed: (presses: readonly Press[]) => void,
  gone: () => void,
): () => void {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let timer: NodeJS.Timeout | undefined
  let polled: NodeJS.Immediate | undefined
  /** when ESC was taken for the Escape key */
  let escapedAt = -Infinity
  const forget = (): void => {
    clearTimeout(timer)
    clearImmediate(polled)
  }
  const decode = (final: boolean): void => {
    const { presses, rest } = decodeKeys(pending, final)
    pending = rest
    if (presses.length > 0) pressed(presses)
  }
  const giveUp = (): void => {
    if (pending === '\x1b') escapedAt = performance.now()
    decode(true)
  }
  const onData = (chunk: Buffer | string): void => {
    forget()
    const text = typeof chunk === 'string' ? chunk : decoder.write(chunk)
    pending += isRestOfEscape(text, performance.now() - escapedAt) ? `\x1b${text}` : text
    escapedAt = -Infinity
    decode(false)
    const wait = pending === '' ? null : patience(pending)
    if (wait === null) return
    // A process that was stopped finds its timer due before it has read what waits: setImmediate comes after reading.
    timer = setTimeout(() => (polled = setImmediate(giveUp)), wait)
  }
  input.on('data', onData)
  input.on('end', gone)
  // EIO: the terminal has been hung up.
  input.on('error', gone)
  input.resume()
  return () => {
    forget()
    input.off('data', onData)
    input.off('end', gone)
    input.pause()
  }
}

/** A slow line may deliver the rest of a sequence after its ESC was given up, ms: what is whole, and what nobody types so soon. */
const LATE_MS = 1000
const TOO_SOON_MS = 100

const isRestOfEscape = (text: string, since: number): boolean =>
  since < LATE_MS && (/^[[O][0-?]*[ -/]*[@-~]/.test(text) || (since < TOO_SOON_MS && /^[[O]/.test(text)))
