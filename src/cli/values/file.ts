import { usageError } from '../../errors.ts'

/** Only replay and report read standard input. */
export function refuseStream(command: string, file: string): void {
  if (file === '-')
    throw usageError(`${command} "-": a file is needed here`, 'Only replay and report read standard input.')
}

/** Only text is written to standard output, and nothing to an address. */
export function refuseStandardOutput(option: string, file: string): void {
  refuseAddress(option, file)
  if (file === '-')
    throw usageError(`${option} "-": a name is needed here`, 'Only text goes to standard output.')
}

/** `s3://bucket/lake` would become a folder `s3:` here. */
export function refuseAddress(option: string, file: string): void {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(file))
    throw usageError(
      `${option} "${file}" is an address, and only files of this system are written`,
      'Write it here, and copy that, for example with aws s3 cp --recursive or rclone.',
    )
}
