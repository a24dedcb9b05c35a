/** The command tree. A command's file declares its options. The code behind it is imported when it runs, so that commands start fast. */
import { Command, Help, type Option } from 'commander'
import { visible } from '../render/text.ts'
import { version } from '../version.ts'
import type { Io } from './io.ts'

type CommandMaker = (io: Io) => Command

/** In the order of --help. Each is loaded only for its own name or for the help. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandMaker>>> = {
  live: async () => (await import('./commands/live.ts')).liveCommand,
  record: async () => (await import('./commands/record.ts')).recordCommand,
  replay: async () => (await import('./commands/replay.ts')).replayCommand,
  report: async () => (await import('./commands/report.ts')).reportCommand,
  compact: async () => (await import('./commands/compact.ts')).compactCommand,
  view: async () => (await import('./commands/view.ts')).viewCommand,
  requests: async () => (await import('./commands/requests.ts')).requestsCommand,
  diff: async () => (await import('./commands/diff.ts')).diffCommand,
  assert: async () => (await import('./commands/assert.ts')).assertCommand,
  dump: async () => (await import('./commands/dump.ts')).dumpCommand,
  cut: async () => (await import('./commands/cut.ts')).cutCommand,
  info: async () => (await import('./commands/info.ts')).infoCommand,
  check: async () => (await import('./commands/check.ts')).checkCommand,
  repair: async () => (await import('./commands/repair.ts')).repairCommand,
  mark: async () => (await import('./commands/mark.ts')).markCommand,
  synth: async () => (await import('./commands/synth.ts')).synthCommand,
  completion: async () => (await import('./commands/completion.ts')).completionCommand,
  simulate: async () => (await import('./commands/simulate.ts')).simulateCommand,
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
}

export const COMMAND_NAMES = Object.keys(COMMANDS)

/** What the program starts itself: in no help. */
const INTERNAL: Readonly<Record<string, () => Promise<CommandMaker>>> = {
  'cut-dump': async () => (await import('./commands/cut-dump.ts')).cutDumpCommand,
}

const EXAMPLES = `
Examples:
  sudo upstreamtop                                   watch the upstreams now
  sudo upstreamtop record --out incident.db          the same, kept in a file
  upstreamtop replay incident.db                     look again, with time travel
  upstreamtop report incident.db --format md         a summary for the postmortem
  upstreamtop assert incident.db 'p99 < 300ms'       a gate for CI

Exit codes: 0 done, 1 bug, 2 wrong use, 3 a gate failed, 4 this system cannot, 5 this recording cannot, 130 interrupted.`

/** @param args the command line without node and script; decides which commands must be loaded */
export async function program(io: Io, args: readonly string[]): Promise<Command> {
  const root = new Command('upstreamtop')
    .description("The flight recorder for nginx's upstream leg: requests to backends, read off the wire.")
    .version(version)
    .addHelpText('after', EXAMPLES)
  for (const name of namesNeeded(args))
    root.addCommand(withSurroundings(withShared((await makerOf(name)())(io)), io))
  return withSurroundings(root, io)
}

/** Only the given command if it is known; all commands for the help, for a name that may be misspelled, and to complete any of them. */
const namesNeeded = (args: readonly string[]): readonly string[] => {
  const [name] = args
  return name !== undefined &&
    name !== 'completion' &&
    (Object.hasOwn(COMMANDS, name) || Object.hasOwn(INTERNAL, name))
    ? [name]
    : COMMAND_NAMES
}

const makerOf = (name: string): (() => Promise<CommandMaker>) => (COMMANDS[name] ?? INTERNAL[name])!

/** Options that every command has; they are looked at before the command runs (charset.ts). */
const withShared = (command: Command): Command =>
  command.option(
    '--ascii',
    'bars, arrows and units in ASCII (default: on a terminal whose locale is not UTF-8)',
  )

const withSurroundings = (command: Command, io: Io): Command =>
  command
    .showSuggestionAfterError()
    .showHelpAfterError(
      `(see: upstreamtop${command.name() === 'upstreamtop' ? '' : ` ${command.name()}`} --help)`,
    )
    .configureHelp({ optionDescription })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.text(text),
      writeErr: (text) => io.stderr.text(text),
      outputError: (text, write) => write(inOneLine(text)),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => 100,
    })

/** Commander's message quotes the user's words, which must not start a line. Only Commander's suggestion starts a second line. */
function inOneLine(text: string): string {
  const [, words = '', suggestion = ''] = /^([^]*?)(\n\(Did you mean [^\n]*\))?\n?$/.exec(text) ?? []
  return `${visible(words)}${suggestion}\n`
}

/** An empty list is not shown as a default. */
const optionDescription = (option: Option): string =>
  new Help().optionDescription(option).replace(/ \(default: (\[\]|\{\})\)$/, '')

/** Without a command it is `live`, also if there are options, unless the first is one of the program itself. */
export const withDefaultCommand = (args: readonly string[]): readonly string[] => {
  const [first] = args
  const isOwn = first !== undefined && ['-h', '--help', '-V', '--version'].includes(first)
  return first === undefined || (first.startsWith('-') && !isOwn) ? ['live', ...args] : args
}
