/** A recording of ours to which nothing can be added. `record --append` moves it aside and begins anew; other commands show the error. */
import { ExitCode, UserError } from '../../errors.ts'
import { quotedFile } from '../../shell.ts'

export interface Obstacle {
  /** names the file that is moved aside: `damaged`, `format-1`, `host-web1` */
  readonly label: string
  /** continues a sentence that begins with the file: `is damaged` */
  readonly why: string
}

export class Discontinued extends UserError implements Obstacle {
  constructor(
    readonly label: string,
    file: string,
    readonly why: string,
    remedy: string,
    exitCode: ExitCode = ExitCode.recording,
  ) {
    super(exitCode, `"${file}" ${why}`, remedy)
  }
}

/** A damaged file can be read in part, but not written. */
export const damagedError = (file: string): Discontinued =>
  new Discontinued(
    'damaged',
    file,
    'is damaged',
    `Save what is left with upstreamtop repair ${quotedFile(file)} -o saved.db.`,
  )
