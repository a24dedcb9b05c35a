/** Runs a command like main, with in-memory streams, as a script would. */
import { PassThrough } from 'node:stream'
import { run } from '../../src/cli/run.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly stdin?: string | Uint8Array
}

export async function runCommand(args: readonly string[], around: Surroundings = {}): Promise<Ran> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const [out, err] = [collected(stdout), collected(stderr)]
  const stdin = new PassThrough()
  stdin.end(around.stdin ?? '')
  const code = await run({
    args,
    stdin,
    stdout,
    stderr,
    env: around.env ?? {},
    now: () => Date.UTC(2026, 10, 22, 15),
    signal: around.signal ?? new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  return { code, stdout: await out, stderr: await err }
}

async function collected(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
