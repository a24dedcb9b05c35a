/**
 * Loads better-sqlite3 with its native part, which npm fetches or compiles when upstreamtop is installed. It is an optional dependency:
 * where npm can do neither, upstreamtop is installed all the same, and this file says what is missing.
 */
import { createRequire } from 'node:module'
import type SqliteDriver from 'better-sqlite3'
import { systemError, type UserError } from '../../errors.ts'
import { IS_CLONE } from '../../place.ts'

export const Sqlite = driver()

function driver(): typeof SqliteDriver {
  try {
    const loaded = createRequire(import.meta.url)('better-sqlite3') as typeof SqliteDriver
    // The native part is loaded with the first database.
    new loaded(':memory:').close()
    return loaded
  } catch {
    throw nativePartIsMissing()
  }
}

function nativePartIsMissing(): UserError {
  const { version, platform, arch } = process
  const compiler = "a compiler is needed: 'apt install g++ make python3'"
  return systemError(
    `better-sqlite3, which reads and writes recordings, has no native part here for node "${version}" on "${platform}-${arch}"`,
    `npm fetches it, or compiles it, for which ${compiler}; then ${IS_CLONE ? "'npm ci' again" : 'install upstreamtop again'}`,
  )
}
