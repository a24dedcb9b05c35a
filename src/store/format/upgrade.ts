/**
 * What was read of an older format, as the current one means it (docs/FORMAT.md, "Upgrading"). In memory, after the checksums were
 * verified over the cells as they are in the file. Each format has one upgrader from the format before it.
 */
import type { WireRow } from '../../frame/model/frame.ts'
import { integer, scalar, type Database } from '../sqlite/database.ts'

/** What all formats have in common: a tick, or the sum of a minute. */
interface Read {
  readonly wires: readonly WireRow[] | null
}

type Upgrade = <T extends Read>(read: T) => T

/** By the format that it makes. */
const UPGRADES: readonly (readonly [to: number, upgrade: Upgrade])[] = [
  /** A backend of format 1 is what packets carried, so nothing is known of what was connected to. */
  [2, (read) => (read.wires === null ? read : { ...read, wires: null })],
]

/** The upgraders from a format on, one after the other. */
export function upgradeFrom(format: number): Upgrade {
  const needed = UPGRADES.filter(([to]) => to > format).map(([, upgrade]) => upgrade)
  return (read) => needed.reduce((upgraded, upgrade) => upgrade(upgraded), read)
}

export const formatOf = (database: Database): number => integer(scalar(database, 'PRAGMA user_version'))
