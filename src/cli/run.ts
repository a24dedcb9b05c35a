/** Runs one command line and returns its exit code. Only this file turns thrown errors into messages. */
import { CommanderError } from 'commander'
import { Delegated, ExitCode, UserError } from '../errors.ts'
import { ioOf, type Surroundings } from './io.ts'
import type { Outlet } from './outlet.ts'
import { COMMAND_NAMES, program, withDefaultCommand } from './program.ts'
import { refuseRecording } from './values/file.ts'

export async function run(surroundings: Surroundings): Promise<number> {
  const io = ioOf(surroundings)
  const line = withDefaultCommand(io.args)
  try {
    if (!COMMAND_NAMES.includes(line[0]!) && !line[0]!.startsWith('-')) refuseRecording(line[0])
    await (await program(io, line)).parseAsync([...line], { from: 'user' })
    return ExitCode.done
  } catch (error) {
    return explain(error, io.stderr)
  }
}

/** Writes the message of an error, which may quote packets and files. @returns the exit code */
export function explain(error: unknown, stderr: Outlet): number {
  // Commander has written its own message; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
  if (error instanceof Delegated) return error.exitCode
  if (error instanceof UserError) {
    stderr.line(`upstreamtop: ${error.message}`)
    for (const line of error.details) stderr.line(`  ${line}`)
    if (error.remedy !== undefined) stderr.line(`  ${error.remedy}`)
    return error.exitCode
  }
  const [what, ...frames] = stackOf(error)
  stderr.line(`upstreamtop: this is a bug: ${what ?? ''}`)
  for (const line of frames) stderr.line(line)
  return ExitCode.bug
}

/** The message first, then the frames of the stack. */
function stackOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [String(error)]
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? []
  return [`${error.name}: ${error.message}`, ...frames]
}
