import { statSync } from 'node:fs'
import { Command } from 'commander'
import { usageError } from '../../errors.ts'
import { interruptible } from '../../interruption.ts'
import { exactCount } from '../../render/quantities.ts'
import type { Io } from '../io.ts'
import { refuseStandardOutput } from '../values/file.ts'

interface CompactFlags {
  readonly day?: string
  readonly host?: string
}

export function compactCommand(io: Io): Command {
  return new Command('compact')
    .description("join the hours of a data set: each day's files of a table, host and recording into one")
    .argument('<dir>', 'the data set, of report --parquet or --ndjson-tables')
    .option('--day <date>', 'that day alone, UTC, for example 2026-11-22 (default: all that have ended)')
    .option('--host <name>', 'that host alone')
    .addHelpText('after', EXAMPLES)
    .action(async (directory: string, { day, host }: CompactFlags) => {
      refuseStandardOutput('compact', directory)
      if (day !== undefined) checkDay(day)
      if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
        throw usageError(
          `there is no folder "${directory}"`,
          'Name the one that report --parquet has filled.',
        )
      const { compactDataset } = await import('../../report/parquet/compact/compact.ts')
      const { parts, files, busy } = await interruptible(io.signal, (signal) =>
        compactDataset({
          directory,
          day: day ?? null,
          host: host ?? null,
          today: new Date(io.now()).toISOString().slice(0, 10),
          signal,
        }),
      )
      const what = parts === 0 ? 'nothing to join' : `${exactCount(parts)} files are ${exactCount(files)} now`
      io.stderr.line(`${what} in ${directory}`)
      for (const one of busy) io.stderr.line(`${one}: somebody writes there; run it again afterwards`)
    })
}

function checkDay(day: string): void {
  const time = new Date(`${day}T00:00:00Z`)
  if (!Number.isNaN(time.getTime()) && time.toISOString().startsWith(day) && day.length === 10) return
  throw usageError(`--day: "${day}" is no date`, 'Write it as in 2026-11-22.')
}

const EXAMPLES = `
Only ranges that meet are joined. An export of an hour that is part of a joined day is refused; --hourly knows that it is there.

Examples:
  upstreamtop report live.db --parquet lake/ --hourly   each hour, then once a day:
  upstreamtop compact lake/                             all days that have ended
  upstreamtop compact lake/ --day 2026-11-22            that day, also before it ends
  upstreamtop compact lake/ --host web1                 one host of many
`
