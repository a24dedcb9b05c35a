/** What may stand at the cursor, from the command tree: a new command or option completes by itself. */
import { networkInterfaces } from 'node:os'
import { basename } from 'node:path'
import type { Argument, Command, Option } from 'commander'

export interface Candidate {
  readonly value: string
  /** one line; empty where the value says it all */
  readonly about: string
}

/** What a recording offers. */
export interface NamesOfFile {
  readonly markers: readonly string[]
  readonly backends: readonly string[]
}

/**
 * None where the shell's own file names belong, and where nothing is known.
 * @param words the command line up to the cursor, the program's name first; the last word is being typed
 * @param namesOf reads a recording; a word that is none gives no names
 */
export async function candidates(
  root: Command,
  words: readonly string[],
  namesOf: (file: string) => Promise<NamesOfFile>,
): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? ''
  // After `sudo` and the like, too.
  const program = Math.max(
    0,
    words.findIndex((word) => basename(word) === root.name()),
  )
  const all = await anyWord(root, words.slice(program + 1, -1), current, namesOf)
  return all.filter(({ value }) => value.startsWith(current))
}

async function anyWord(
  root: Command,
  before: readonly string[],
  current: string,
  namesOf: (file: string) => Promise<NamesOfFile>,
): Promise<readonly Candidate[]> {
  const named = root.commands.find((command) => command.name() === before[0])
  if (before.length === 0 && !current.startsWith('-')) return root.commands.map(asCandidate)
  // Without a command it is live.
  const command = named ?? root.commands.find((one) => one.name() === 'live')
  if (command === undefined || (named === undefined && before.length > 0 && !before[0]!.startsWith('-')))
    return []
  const given = readWords(command, named === undefined ? before : before.slice(1))
  if (given.isOver) return []
  const valuesOf = async (option: Option): Promise<readonly Candidate[]> =>
    plain(option.argChoices ?? (await known(option, given.operands, namesOf)))
  if (given.open !== null) return valuesOf(given.open)
  const [flag = '', value] = current.split('=', 2)
  const option = optionOf(command, flag)
  if (value !== undefined && option !== undefined)
    return (await valuesOf(option)).map((one) => ({ ...one, value: `${flag}=${one.value}` }))
  if (current.startsWith('-')) return optionsOf(named === undefined ? [root, command] : [command])
  return plain(argumentAt(command, given.operands.length)?.argChoices ?? [])
}

interface Given {
  readonly operands: readonly string[]
  /** the option whose value comes next */
  readonly open: Option | null
  /** after `--` there is nothing of ours */
  readonly isOver: boolean
}

function readWords(command: Command, words: readonly string[]): Given {
  const operands: string[] = []
  let open: Option | null = null
  for (const word of words) {
    if (open !== null) open = null
    else if (word === '--') return { operands, open, isOver: true }
    else if (!word.startsWith('-')) operands.push(word)
    else if (optionOf(command, word)?.required === true) open = optionOf(command, word)!
  }
  return { operands, open, isOver: false }
}

const optionOf = (command: Command, word: string): Option | undefined =>
  command.options.find(({ long, short }) => word === long || word === short)

function optionsOf(commands: readonly Command[]): readonly Candidate[] {
  const options = commands.flatMap((command) => command.createHelp().visibleOptions(command))
  const named = options.flatMap(({ long, description }) =>
    long === undefined ? [] : [{ value: long, about: description }],
  )
  // The program's --help and the command's are one.
  return [...new Map(named.map((candidate) => [candidate.value, candidate])).values()]
}

const argumentAt = ({ registeredArguments: all }: Command, index: number): Argument | undefined =>
  all[index] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined)

/** Values that no choice lists, by what the option's help calls them. */
async function known(
  { flags }: Option,
  [file]: readonly string[],
  namesOf: (file: string) => Promise<NamesOfFile>,
): Promise<readonly string[]> {
  const kind = /<(.*)>/.exec(flags)?.[1]
  if (kind === 'zone') return ['local', 'UTC']
  if (flags.startsWith('--iface ')) return Object.keys(networkInterfaces())
  if (file === undefined || (kind !== 'time' && kind !== 'address')) return []
  const { markers, backends } = await namesOf(file)
  return kind === 'time' ? markers.map((text) => `@${text}`) : backends
}

const asCandidate = (command: Command): Candidate => ({ value: command.name(), about: command.description() })

const plain = (values: readonly string[]): readonly Candidate[] =>
  values.map((value) => ({ value, about: '' }))
