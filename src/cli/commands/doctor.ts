import { Command, Option } from 'commander'
import { ExitCode, UserError } from '../../errors.ts'
import type { Check } from '../../record/doctor/diagnosis.ts'
import type { Diagnosis } from '../../record/doctor/doctor.ts'
import { jsonText, visible } from '../../render/text.ts'
import type { Io } from '../io.ts'
import { addCaptureOptions, captureOptions, type CaptureFlags } from '../values/capture.ts'
import { seconds } from '../values/number.ts'

interface DoctorFlags extends CaptureFlags {
  readonly format: 'text' | 'json'
  readonly secs: number
}

export function doctorCommand(io: Io): Command {
  const command = new Command('doctor')
    .description('what recording needs here, what cannot be seen and why, each with its remedy')
    .addOption(new Option('--format <form>', 'how to say it').choices(['text', 'json']).default('text'))
    .option('--secs <n>', 'how long to look at the traffic; 0 is not at all', seconds('--secs'), 2)
    .addHelpText('after', EXAMPLES)
  addCaptureOptions(command)
  return command.action(async (flags: DoctorFlags) => {
    const [{ examine }, { wouldRecord }] = await Promise.all([
      import('../../record/doctor/doctor.ts'),
      import('../../record/doctor/diagnosis.ts'),
    ])
    const diagnosis = await examine(captureOptions(flags), flags.secs, io.env)
    const { checks } = diagnosis
    const records = wouldRecord(checks)
    if (flags.format === 'json') io.stdout.write(json(diagnosis, records))
    else io.stdout.text(text(checks))
    if (!records)
      throw new UserError(
        ExitCode.system,
        'recording would not work here',
        'the lines marked ✗ say what helps',
      )
  })
}

const json = ({ checks, nginx, tls }: Diagnosis, records: boolean): string =>
  `${jsonText({ schema: 1, records, checks, nginx, tls })}\n`

const MARKS = { ok: '✓', warning: '!', failed: '✗' } as const satisfies Record<Check['state'], string>

const text = (checks: readonly Check[]): string =>
  checks
    .map(({ check, state, what, remedy }) => {
      const line = `${MARKS[state]} ${check.padEnd(10)} ${visible(what)}\n`
      return remedy === null ? line : `${line}${' '.repeat(13)}→ ${visible(remedy)}\n`
    })
    .join('')

const EXAMPLES = `
Examples:
  sudo upstreamtop doctor                  would recording work here, and what would be missing
  sudo upstreamtop doctor --attach cgroup  the same for recording all network namespaces
  sudo upstreamtop doctor --tls            whose TLS could be read, what a probe costs here, and what that is at the present rate
  upstreamtop doctor --format json         the same for a script; exit code 0 only if recording would work

The line "attach" says whether it would attach to interfaces (tcx) or by control group, and why; options decide it as for record.
Every nginx of the host is listed, in whatever container or network namespace it runs:
its doors, its upstreams, and with what it is seen.`
