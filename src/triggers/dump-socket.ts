/**
 * How `dump F` reaches the recorder of F: a UNIX socket beside the recording, `F-dump`, for its owner alone. A line of JSON each way; until it can answer, the
 * recorder says with spaces that it is there.
 * Nothing in it is believed beyond that: the recorder takes a span from whoever may write there, and `dump` prints a name.
 */
import { closeSync, constants, lstatSync, openSync, rmSync, type Stats } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import type { Micros } from '../frame/model/units.ts'
import type { CutEnd } from './cutting.ts'

export interface DumpQuestion {
  /** µs; null: as the recorder was told */
  readonly last: Micros | null
}

/** Of a question or an answer, bytes. */
const MOST_BYTES = 65_536
/** For the question to arrive, ms. */
const QUESTION_MS = 5000
/** How often the recorder says that it is there, and after what silence it is not waited for, ms. */
const ALIVE_MS = 10_000
const SILENT_MS = 120_000
const MOST_ASKING = 20
/** Of the path of a socket, bytes (unix(7)). */
const MOST_PATH = 107

export const socketName = (file: string): string => `${file}-dump`

export interface DumpSocket {
  close(): void
}

/**
 * @param ask must answer once
 * @returns null if there can be none; why is said
 */
export function listenForDumps(
  file: string,
  ask: (question: DumpQuestion, answer: (end: CutEnd) => void) => void,
  say: (text: string) => void,
): DumpSocket | null {
  const path = socketName(file)
  const unable = (why: string): null => {
    say(
      `"upstreamtop dump" cannot reach this recorder: "${path}" ${why}; kill -USR2 ${process.pid} does the same`,
    )
    return null
  }
  const left = lstatSync(path, { throwIfNoEntry: false })
  // Whoever has the lock on the recording's name is the only recorder: a socket of ours is one that was killed.
  if (left !== undefined && !isOurSocket(left)) return unable('is there already, and not ours')
  try {
    rmSync(path, { force: true })
  } catch (error) {
    return unable(String(error))
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket, ask))
  server.maxConnections = MOST_ASKING
  server.on('error', (error) => void unable(error.message))
  withShortPath(path, (short) => listen(server, short))
  server.unref()
  const made = lstatSync(path, { throwIfNoEntry: false })
  return {
    close: () => {
      server.close()
      const now = lstatSync(path, { throwIfNoEntry: false })
      if (made !== undefined && now?.ino === made.ino && now.dev === made.dev) rmSync(path, { force: true })
    },
  }
}

const isOurSocket = (found: Stats): boolean => found.isSocket() && found.uid === process.geteuid?.()

/** The name is made within this call, with the mode that the umask leaves. */
function listen(server: Server, path: string): void {
  const umask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(umask)
  }
}

/** Through the folder's descriptor, where the path is too long for a socket. */
function withShortPath<T>(path: string, use: (path: string) => T): T {
  if (Buffer.byteLength(path) <= MOST_PATH) return use(path)
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    return use(`/proc/self/fd/${folder}/${basename(path)}`)
  } finally {
    closeSync(folder)
  }
}

async function answer(
  socket: Socket,
  ask: (question: DumpQuestion, answer: (end: CutEnd) => void) => void,
): Promise<void> {
  socket.on('error', () => undefined)
  // Who asks, and does not hang up, keeps no recorder alive.
  socket.unref()
  const late = setTimeout(() => socket.destroy(), QUESTION_MS)
  late.unref()
  const text = await lineOf(socket).catch(() => '')
  clearTimeout(late)
  const question = questionOf(text)
  if (question === null) {
    socket.destroy()
    return
  }
  socket.write(' ')
  const alive = setInterval(() => socket.write(' '), ALIVE_MS)
  alive.unref()
  socket.once('close', () => clearInterval(alive))
  ask(question, (end) => {
    clearInterval(alive)
    socket.end(`${JSON.stringify(end)}\n`, () => socket.destroy())
  })
}

function questionOf(text: string): DumpQuestion | null {
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || !('last' in value)) return null
  const { last } = value
  if (last !== null && !(typeof last === 'number' && Number.isSafeInteger(last) && last > 0)) return null
  return { last: last as Micros | null }
}

/** Asks the recorder of a file. @returns null: nobody listens there @throws what connect throws, for example EACCES; ETIMEDOUT if it is silent */
export async function askForDump(file: string, question: DumpQuestion): Promise<CutEnd | null> {
  const socket = withShortPath(socketName(file), (path) => connect({ path, allowHalfOpen: true }))
  const silent = (): void => {
    const why = `it has said nothing for ${SILENT_MS / 1000} s: it may be stopped`
    socket.destroy(Object.assign(new Error(why), { code: 'ETIMEDOUT' }))
  }
  let late = setTimeout(silent, SILENT_MS)
  socket.on('data', () => {
    clearTimeout(late)
    late = setTimeout(silent, SILENT_MS)
  })
  socket.end(`${JSON.stringify(question)}\n`)
  try {
    return endOf(parsed(await lineOf(socket)))
  } finally {
    clearTimeout(late)
    socket.destroy()
  }
}

function endOf(value: unknown): CutEnd | null {
  if (typeof value !== 'object' || value === null) return null
  if ('problem' in value && typeof value.problem === 'string') return { problem: value.problem }
  if (!('file' in value) || typeof value.file !== 'string') return null
  return { file: value.file, ticks: 0, notes: 'notes' in value ? textsIn(value.notes) : [] }
}

const textsIn = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : []

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Up to its end, or to the first line's. */
function lineOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.on('error', reject)
    socket.on('end', () => resolve(text))
    socket.on('close', () => resolve(text))
    socket.on('data', (part: string) => {
      text += part
      if (text.length > MOST_BYTES) socket.destroy()
      if (text.includes('\n')) resolve(text)
    })
  })
}
