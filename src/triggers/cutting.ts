/** Cuts a dump in a process of its own, so that no tick waits for it: this program again, as `cut-dump`. */
import type { TimeSpan } from '../frame/time/time.ts'
import type { Micros, WallMicros } from '../frame/model/units.ts'
import { endGroup, startChild } from './child.ts'

/** What is to be cut, from what, and where to. Times are wall clock, µs. */
export interface CutJob {
  readonly recording: string
  readonly into: string
  readonly host: string
  readonly at: WallMicros
  readonly span: TimeSpan
  /** how long it should be: where the clock was set, more may lie between the times of the span */
  readonly asked: Micros
  /** files of this host that are kept there */
  readonly keep: number
  /** bytes that must stay free on the disk */
  readonly minFree: number | null
}

/** The line on which the child says what it has done. */
export interface CutDone {
  readonly file: string
  readonly ticks: number
  /** what should be said about it */
  readonly notes: readonly string[]
}

export type CutEnd = CutDone | { readonly problem: string }

export interface Cutting {
  readonly ended: Promise<CutEnd>
  stop(): void
}

/** More than the child's longest message, characters: what comes after is not kept. */
const MOST_TEXT = 1_048_576

/** @param program the command line of this program */
export function cutInChild(program: readonly string[], job: CutJob): Cutting {
  const child = startChild([...program, 'cut-dump', JSON.stringify(job)], 'root')
  const notStarted = (error: Error): CutEnd => ({
    problem: `"${program[0] ?? ''}" did not start: ${error.message}`,
  })
  if (child instanceof Error) return { ended: Promise.resolve(notStarted(child)), stop: () => undefined }
  let [said, problem] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said = kept(said, text)))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (problem = kept(problem, text)))
  const ended = new Promise<CutEnd>((resolve) => {
    child.once('error', (error) => resolve(notStarted(error)))
    child.once('close', (code, signal) =>
      resolve(code === 0 ? doneOf(said) : { problem: problemOf(problem, code, signal) }),
    )
  })
  // Its stdin stays open: it ends when this process does, and leaves nothing.
  return { ended, stop: () => endGroup(child.pid, 'SIGKILL') }
}

const kept = (text: string, more: string): string =>
  text.length < MOST_TEXT ? (text + more).slice(0, MOST_TEXT) : text

/** A child that is no longer this program, or was cut short, must not end the recorder. */
function doneOf(said: string): CutEnd {
  try {
    const value: unknown = JSON.parse(said)
    if (typeof value === 'object' && value !== null && 'file' in value) return value as CutDone
  } catch {
    // It is no JSON.
  }
  return { problem: 'the cut has said nothing that can be read' }
}

function problemOf(said: string, code: number | null, signal: NodeJS.Signals | null): string {
  const words = said
    .split('\n')
    .map((line) => line.trim().replace(/^upstreamtop: /, ''))
    .filter((line) => line !== '')
    .slice(0, 3)
  if (words.length > 0) return words.join(': ')
  return signal === null ? `the cut ended with exit code "${code ?? ''}"` : `the cut was ended by ${signal}`
}
