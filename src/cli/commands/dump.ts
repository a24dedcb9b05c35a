import { lstatSync, statSync } from 'node:fs'
import { Command } from 'commander'
import { systemError, usageError, type UserError } from '../../errors.ts'
import type { Micros } from '../../frame/model/units.ts'
import { quotedFile } from '../../shell.ts'
import type { Io } from '../io.ts'
import { duration } from '../values/amount.ts'
import { refuseStream } from '../values/file.ts'

interface DumpFlags {
  readonly last?: Micros
}

export function dumpCommand(io: Io): Command {
  return new Command('dump')
    .description('ask the recorder of a file for its last minutes as a file of their own, and print its name')
    .argument('<file>', 'the recording, which is being recorded')
    .option('--last <span>', "how much (default: the recorder's --dump-last, 15m)", duration('--last', '15m'))
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { last }: DumpFlags) => {
      refuseStream('dump', file)
      if (last === 0) throw usageError('--last "0" holds nothing', 'for example --last 15m')
      const { recordedName } = await import('../../store/file/side-files.ts')
      const { askForDump, socketName } = await import('../../triggers/dump-socket.ts')
      const name = existing(file, recordedName)
      checkSocket(file, name, socketName(name))
      const end = await askForDump(name, { last: last ?? null }).catch((error: unknown) => {
        throw unreachable(file, error)
      })
      if (end === null)
        throw systemError(`the recorder of "${file}" has ended, and has dumped nothing`, cutInstead(file))
      if ('problem' in end) throw systemError(`not dumped: ${end.problem}`)
      for (const note of end.notes) io.stderr.line(note)
      io.stdout.line(end.file)
    })
}

/** @throws UserError */
function existing(file: string, recordedName: (file: string) => string): string {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return recordedName(file)
  throw usageError(
    `"${file}" is no recording: there is no such file`,
    'Name the file that is being recorded.',
  )
}

/** In a folder that others write, too, a socket may be anybody's: it must be of whoever has the recording, or root's. @throws UserError */
function checkSocket(file: string, name: string, socket: string): void {
  const found = lstatSync(socket, { throwIfNoEntry: false })
  if (found === undefined) throw notRecorded(file)
  if (!found.isSocket() || ![0, statSync(name).uid].includes(found.uid))
    throw usageError(
      `"${socket}" is not the recorder's of "${file}"`,
      'Somebody else has put it there: remove it.',
    )
}

function unreachable(file: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return notRecorded(file)
  if (code === 'EACCES' || code === 'EPERM')
    return systemError(
      `the recorder of "${file}" takes this from its own user alone`,
      `Run it as user "${statSync(file).uid}" (sudo -u), or cut it yourself: upstreamtop cut ${quotedFile(file)} --from -15m -o dump.db`,
    )
  if (code === 'ETIMEDOUT')
    return systemError(
      `the recorder of "${file}" does not answer: ${(error as Error).message}`,
      cutInstead(file),
    )
  return systemError(`the recorder of "${file}" does not answer: ${String(error)}`, cutInstead(file))
}

const notRecorded = (file: string): UserError =>
  usageError(`"${file}" is not being recorded: there is no recorder to ask`, cutInstead(file))

const cutInstead = (file: string): string =>
  `Its last minutes: upstreamtop cut ${quotedFile(file)} --from -15m -o dump.db`

const EXAMPLES = `
Examples:
  upstreamtop dump day.db                           its last 15 minutes, beside it
  upstreamtop dump /var/lib/upstreamtop/web.db --last 1h
  upstreamtop report "$(upstreamtop dump day.db)" --top 3

Where the dump lies, how many are kept, and what runs then is up to the recorder: record --into, --dump-keep, --exec.
kill -USR2 of the recorder does the same. A recorder takes this from its own user, and from root.
`
