/** The terminal's input as keys, one listener; a sequence may arrive in pieces. */
import { StringDecoder } from 'node:string_decoder'
import { decodeKeys, type Key } from './keys.ts'
import type { Terminal } from './screen.ts'

/** ESC is the Escape key if nothing follows it within this time, ms. */
const ESCAPE_DELAY = 40

/** @param gone called when the terminal is closed @returns a function that stops listening */
export function listenToKeys(
  { input }: Terminal,
  pressed: (keys: readonly Key[]) => void,
  gone: () => void,
): () => void {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let timer: NodeJS.Timeout | undefined
  const decode = (final: boolean): void => {
    const { keys, rest } = decodeKeys(pending, final)
    pending = rest
    if (keys.length > 0) pressed(keys)
  }
  const onData = (chunk: Buffer | string): void => {
    clearTimeout(timer)
    pending += typeof chunk === 'string' ? chunk : decoder.write(chunk)
    decode(false)
    if (pending !== '') timer = setTimeout(() => decode(true), ESCAPE_DELAY)
  }
  input.on('data', onData)
  input.on('end', gone)
  // EIO: the terminal has been hung up.
  input.on('error', gone)
  input.resume()
  return () => {
    clearTimeout(timer)
    input.off('data', onData)
    input.off('end', gone)
    input.pause()
  }
}
