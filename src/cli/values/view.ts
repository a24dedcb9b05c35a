/** The options of all commands that show the leaderboard, declared and checked once. */
import { Option, type Command } from 'commander'
import { usageError } from '../../errors.ts'
import { SORTS, type Sort } from '../../frame/views/ranking.ts'
import type { Size } from '../../render/board.ts'
import type { Io } from '../io.ts'
import { wholeNumber } from './number.ts'
import { timeZoneOption } from './time.ts'

export interface ViewFlags {
  readonly backends: number
  readonly routes: number
  readonly sort: Sort
  readonly filter: string
  readonly window: number
  readonly plain?: boolean
  readonly ascii?: boolean
  /** IANA name; undefined is the recording's */
  readonly tz?: string
  /** undefined is the terminal's */
  readonly size?: Size
}

export const addViewOptions = (command: Command, io: Io): Command =>
  command
    .option('--backends <n>', 'backends shown', wholeNumber('--backends', 1, 1000), 8)
    .option('--routes <n>', 'routes shown under each backend', wholeNumber('--routes', 0, 1000), 4)
    .addOption(
      new Option('--sort <column>', 'order')
        .choices(SORTS)
        .argParser(sortColumn)
        .default('rps' satisfies Sort, 'rps'),
    )
    .option('--filter <text>', 'only backends and routes that contain it', '')
    .option('--window <seconds>', 'seconds that a picture sums up', wholeNumber('--window', 1, 3600), 1)
    .option('--plain', 'no colours and no attributes')
    .option('--tz <zone>', "local, UTC or a name (default: the recording's)", timeZoneOption(io))
    .option('--size <CxR>', 'columns and rows of a printed picture (default: 120x40)', sizeOption)

/** The measures that order the screen. The order by `requests` is the order by `rps`. */
function sortColumn(text: string): Sort {
  const wanted = text === 'requests' ? 'rps' : text
  const sort = SORTS.find((known) => known === wanted)
  if (sort === undefined) {
    throw usageError(`--sort "${text}" is no column of the screen`, `Take one of ${SORTS.join(', ')}.`)
  }
  return sort
}

function sizeOption(text: string): Size {
  const [, columns, rows] = /^(\d{2,4})x(\d{1,4})$/.exec(text) ?? []
  const size = { columns: Number(columns), rows: Number(rows) }
  if (size.columns >= 40 && size.columns <= 1000 && size.rows >= 8 && size.rows <= 1000) return size
  throw usageError(
    `--size "${text}" is no size`,
    'Write columns x rows, from 40x8 to 1000x1000, for example 120x40.',
  )
}
