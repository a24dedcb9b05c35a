/** One command line from start to exit code. The only place that turns what was thrown into words. */
import { CommanderError } from 'commander'
import { ExitCode, UserError } from '../errors.ts'
import { visible } from '../render/text.ts'
import type { Io } from './io.ts'
import { program, withDefaultCommand } from './program.ts'

export async function run(io: Io): Promise<ExitCode> {
  const line = withDefaultCommand(io.args)
  try {
    await (await program(io, line)).parseAsync([...line], { from: 'user' })
    return ExitCode.done
  } catch (error) {
    return explain(error, io)
  }
}

function explain(error: unknown, io: Io): ExitCode {
  // Commander has written its own words; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
  if (error instanceof UserError) {
    // It may quote what came off the wire or out of a file.
    const remedy = error.remedy === undefined ? '' : `\n  ${error.remedy}`
    io.stderr.write(`upstreamtop: ${error.message}${remedy}\n`.split('\n').map(visible).join('\n'))
    return error.exitCode
  }
  io.stderr.write(
    `upstreamtop: this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return ExitCode.bug
}
