/** The man page, made from the same command tree as --help, so that it cannot disagree with it. */
import type { Command } from 'commander'

/** @param root the whole tree @param version shown in the footer @returns man(7) source */
export function manualPage(root: Command, version: string): string {
  return [
    `.TH UPSTREAMTOP 1 "" "upstreamtop ${version}" "User Commands"`,
    '.SH NAME',
    `upstreamtop \\- ${roffText(root.description())}`,
    '.SH SYNOPSIS',
    '.B upstreamtop',
    '.RI [ command ]\n.RI [ options ]',
    '.SH DESCRIPTION',
    roffText(DESCRIPTION),
    '.SH COMMANDS',
    ...root.commands.flatMap(commandSection),
    '.SH EXIT STATUS',
    ...EXIT_STATUS.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roffText(meaning)]),
    '.SH SEE ALSO',
    '.BR nginx (8),\n.BR tcpdump (8),\n.BR bpftool (8),\n.BR sqlite3 (1)',
    '',
  ].join('\n')
}

const DESCRIPTION =
  "Reads nginx's HTTP and gRPC requests to its backends, and the answers, off the wire with eBPF, and with --tls those within " +
  'TLS: no nginx configuration, no log parsing, no restart. Recording needs root, or the rights that make install gives the helper; ' +
  'everything else works anywhere, without rights. Without a command it is live.'

const EXIT_STATUS = [
  ['0', 'done'],
  ['1', 'a bug'],
  ['2', 'wrong use'],
  ['3', 'an assertion or a gate failed'],
  ['4', 'this system cannot: kernel, rights, a missing program'],
  ['5', 'this recording cannot: damaged, foreign, newer'],
  ['130', 'interrupted'],
] as const

function commandSection(command: Command): string[] {
  const help = command.createHelp()
  const options = help.visibleOptions(command).filter((option) => option.long !== '--help')
  return [
    `.SS ${roffText(`${command.name()} ${operands(command)}`.trim())}`,
    roffText(command.description()),
    ...options.flatMap((option) => [
      '.TP',
      `.B ${roffText(option.flags)}`,
      roffText(help.optionDescription(option)),
    ]),
    ...examplesOf(command),
  ]
}

/** What --help says below the options, line by line. */
function examplesOf(command: Command): string[] {
  const before = command.configureOutput()
  let text = ''
  command.configureOutput({ ...before, writeOut: (part) => (text += part) })
  command.outputHelp()
  command.configureOutput(before)
  const examples = text.split('\nExamples:\n')[1]
  return examples === undefined
    ? []
    : ['.PP', 'Examples:', '.nf', ...examples.trimEnd().split('\n').map(roffText), '.fi']
}

const operands = (command: Command): string =>
  command.registeredArguments
    .map((argument) => {
      const name = argument.name() + (argument.variadic ? '…' : '')
      return argument.required ? `<${name}>` : `[${name}]`
    })
    .join(' ')

/** Text escaped for roff: no request at its start, no escape sequence within. */
const roffText = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\n', ' ')
    .replace(/^([.'])/, '\\&$1')
