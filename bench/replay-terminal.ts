/** A program on a new pseudo-terminal, made by script(1). */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export const onTerminal = (command: string, { columns, rows }: Size): ChildProcess =>
  spawn('script', ['-qfc', `stty cols ${columns} rows ${rows}; exec ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, TERM: 'xterm-256color' },
  })

/** ms until the program has written `seen`; '' matches any output. */
export async function timeTo(command: string, seen: string, size: Size): Promise<number> {
  const start = performance.now()
  const child = onTerminal(command, size)
  let text = ''
  const end = await new Promise<number>((done) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes(seen)) done(performance.now())
    })
  })
  await ended(child)
  return end - start
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await exit
}

/** The program under script(1). */
export const pidOf = (child: ChildProcess): number =>
  Number(execFileSync('pgrep', ['-P', String(child.pid!)], { encoding: 'utf8' }))

/** Resident memory in bytes: current and peak. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (field: string): number => 1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1])
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') }
}

/** CPU time of all its threads in ms; /proc counts in 10 ms. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return 10 * (Number(fields[11]) + Number(fields[12]))
}
