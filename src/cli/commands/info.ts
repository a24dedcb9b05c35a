import { Command, Option } from 'commander'
import type { Io } from '../io.ts'
import { refuseStream } from '../values/file.ts'

interface InfoFlags {
  readonly format: 'text' | 'json'
}

export function infoCommand(io: Io): Command {
  return new Command('info')
    .description('what is in a recording: when, where, how it was made, how large, what is missing')
    .argument('<file>', 'the recording')
    .addOption(new Option('--format <format>', 'how to write it').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { format }: InfoFlags) => {
      refuseStream('info', file)
      const { openRecording } = await import('../../store/read/reader.ts')
      const { inventoryOf } = await import('../../store/read/inventory.ts')
      const { infoJson, infoText } = await import('../info.ts')
      const recording = openRecording(file)
      try {
        const inventory = recording.inspect((access) => inventoryOf(access, file))
        const sum = recording.aggregate({
          from: recording.ticks[0]?.seq ?? 0,
          to: (recording.ticks.at(-1)?.seq ?? -1) + 1,
        })
        if (format === 'json') io.stdout.write(infoJson(recording, inventory, sum))
        else io.stdout.text(infoText(recording, inventory, sum))
      } finally {
        recording.close()
      }
    })
}

const EXAMPLES = `
Examples:
  upstreamtop info incident.db
  upstreamtop info incident.db --format json | jq .recording.clock
`
