/** The command line that makes a report again, as the report shows it: without the options that say where it is written. */
import type { Command } from 'commander'
import { quoted, quotedFile } from '../../shell.ts'

const OUTPUT_OPTIONS = ['--out', '-o', '--parquet', '--ndjson-tables']

/** Call it while the command is built; the result is read in its action. */
export function rememberOptions(command: Command): () => string {
  const words: string[] = []
  for (const option of command.options) {
    command.on(`option:${option.name()}`, (value: unknown) => {
      const name = option.long ?? option.short ?? ''
      if (OUTPUT_OPTIONS.includes(name)) return
      words.push(name, ...(typeof value === 'string' ? [quoted(value)] : []))
    })
  }
  return () => ['upstreamtop', command.name(), ...command.args.map(quotedFile), ...words].join(' ')
}
