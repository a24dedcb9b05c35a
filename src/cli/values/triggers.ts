/** The options of what a recorder does by itself: --on and what belongs to it. */
import { accessSync, constants, statSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { usageError } from '../../errors.ts'
import { MINUTE, type Micros } from '../../frame/model/units.ts'
import { triggerOf, type Trigger } from '../../triggers/trigger.ts'
import { duration } from './amount.ts'
import { withErrorPosition } from './expression.ts'
import { refuseAddress } from './file.ts'
import { wholeNumber } from './number.ts'
import { repeated } from './repeated.ts'

export interface TriggerFlags {
  readonly on: readonly string[]
  readonly dumpLast: Micros
  readonly into?: string
  readonly exec?: string
  readonly every: Micros
  readonly dumpKeep: number
}

export interface TriggerOptions {
  readonly triggers: readonly Trigger[]
  readonly last: Micros
  readonly every: Micros
  readonly keep: number
  readonly into: string | null
  readonly exec: string | null
}

export const addTriggerOptions = (command: Command): Command =>
  command
    .option(
      '--on <expression>',
      "when it begins to hold, mark it and keep what led to it, for example '5xx(*) > 5% for 10s' (repeatable)",
      repeated,
      [],
    )
    .addOption(
      new Option('--dump-last <span>', 'how much a dump holds, the minute after included')
        .argParser(longerThanNothing('--dump-last'))
        .default(15 * MINUTE, '15m'),
    )
    .option('--into <folder>', "where dumps go (default: the recording's folder)")
    .option('--exec <command>', 'run it in a shell after a dump: $1 is the file, $2 what was measured')
    .addOption(
      new Option('--every <span>', 'an expression makes at most one dump in it')
        .argParser(duration('--every', '10m'))
        .default(10 * MINUTE, '10m'),
    )
    .option(
      '--dump-keep <n>',
      'dumps of this host that are kept there; the oldest goes',
      wholeNumber('--dump-keep', 1, 1_000_000),
      20,
    )

/** @throws UserError (exit 2) before anything has begun */
export function triggerOptions(flags: TriggerFlags): TriggerOptions {
  const triggers = flags.on.map((text) => withErrorPosition('--on', () => triggerOf(text)))
  if (flags.into !== undefined) checkFolder(flags.into)
  if (flags.exec?.trim() === '')
    throw usageError('--exec "": there is no command', 'For example --exec \'mail -s "$2" ops < /dev/null\'.')
  return {
    triggers,
    last: flags.dumpLast,
    every: flags.every,
    keep: flags.dumpKeep,
    into: flags.into ?? null,
    exec: flags.exec ?? null,
  }
}

/** Under sudo it must be asked again as the caller. @throws UserError (exit 2) */
export function checkFolder(folder: string): void {
  refuseAddress('--into', folder)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw usageError(`--into "${folder}": there is no such folder`, 'Make it first.')
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch {
    throw usageError(`--into "${folder}": you may not write there`, 'Choose a folder in which you may write.')
  }
}

const longerThanNothing =
  (option: string) =>
  (text: string): Micros => {
    const span = duration(option, '15m')(text)
    if (span === 0) throw usageError(`${option} "${text}" holds nothing`, `for example ${option} 15m`)
    return span
  }
