import { Argument, Command, Option } from 'commander'
import { candidates } from '../completion/candidates.ts'
import { insertions, readLine } from '../completion/bash-line.ts'
import { namesOfFile } from '../completion/names-of-file.ts'
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts'
import type { Io } from '../io.ts'

export function completionCommand(io: Io): Command {
  return (
    new Command('completion')
      .description("the shell's completion script: commands, options, and the markers and backends of a file")
      .usage('[options] <shell>')
      .addArgument(new Argument('<shell>', 'whose script').choices(SHELLS))
      // The scripts ask with it what may stand at the cursor.
      .addOption(new Option('--words').hideHelp())
      .allowExcessArguments()
      .addHelpText('after', EXAMPLES)
      .action(async (shell: Shell, flags: { readonly words?: boolean }, { args, parent }: Command) => {
        const lines = flags.words === true ? await answers(parent!, shell, args.slice(1)) : SCRIPTS[shell]
        io.stdout.write(lines)
      })
  )
}

async function answers(root: Command, shell: Shell, given: readonly string[]): Promise<string> {
  const { words, raw } = shell === 'bash' ? readLine(given[0] ?? '') : { words: given, raw: '' }
  const found = await candidates(root, words, namesOfFile)
  const values = found.map(({ value }) => value)
  const lines =
    shell === 'bash'
      ? insertions(values, raw, given[1] ?? '')
      : found.map(({ value, about }) => (about === '' ? value : `${value}\t${about}`))
  return lines.map((line) => `${line}\n`).join('')
}

const EXAMPLES = `
Examples:
  source <(upstreamtop completion bash)                           in this shell; in ~/.bashrc for all
  upstreamtop completion zsh > "\${fpath[1]}/_upstreamtop"         for zsh, before compinit
  upstreamtop completion fish > ~/.config/fish/completions/upstreamtop.fish
`
