/** The command line as it can be typed again, without where its output went: reports name what made them. */
import type { Command } from 'commander'
import { quoted, quotedFile } from '../../shell.ts'

const NOT_THE_RESULT = ['--out', '-o', '--parquet']

/** Call it while the command is built; the result is read in its action. */
export function rememberOptions(command: Command): () => string {
  const words: string[] = []
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: unknown) => {
      const name = option.long ?? option.short ?? ''
      if (NOT_THE_RESULT.includes(name)) return
      words.push(name, ...(typeof value === 'string' ? [quoted(value)] : []))
    })
  }
  return () => ['upstreamtop', command.name(), ...command.args.map(quotedFile), ...words].join(' ')
}
