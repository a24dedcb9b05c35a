import { Command } from 'commander'
import type { Io } from '../io.ts'
import { refuseStandardOutput, refuseStream } from '../values/file.ts'

export function repairCommand(io: Io): Command {
  return new Command('repair')
    .description(
      'save every tick of a damaged recording that can still be read; the original is left as it is',
    )
    .argument('<file>', 'the damaged recording')
    .requiredOption('-o, --out <file>', 'the recording to write; never overwritten')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { out }: { readonly out: string }) => {
      refuseStream('repair', file)
      refuseStandardOutput('-o', out)
      const { repairRecording } = await import('../../store/tools/repair.ts')
      const { tickProgress } = await import('../progress.ts')
      const { bytes, plural } = await import('../../render/quantities.ts')
      const progress = tickProgress(io, 'repairing')
      const result = await repairRecording(file, out, progress)
      progress.done()
      for (const words of result.damage) io.stderr.line(`${file}: ${words}`)
      if (result.lost > 0) io.stderr.line(`${file}: ${plural(result.lost, 'tick')} cannot be read`)
      io.stdout.line(`${out}: ${plural(result.ticks, 'tick')} saved, ${bytes(result.bytes)}`)
      io.stdout.line(`sha256 ${result.sha256}`)
    })
}

const EXAMPLES = `
Examples:
  upstreamtop repair incident.db -o saved.db
`
