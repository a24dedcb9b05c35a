/** The command tree. A command's file holds its words; what it does is imported when it runs, so that none pays for the others. */
import { Command } from 'commander'
import type { Io } from './io.ts'
import { version } from '../version.ts'

export function program(io: Io): Command {
  const root = new Command('upstreamtop')
    .description("The flight recorder for nginx's upstream leg.")
    .version(version)
    .showSuggestionAfterError()
    .showHelpAfterError('(upstreamtop --help lists the commands)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    })
  return root
}
