/** Zero counts of a row and of a backend, where sums start. */
import { NO_CONNECTION, NO_ROUTE } from './counters.generated.ts'
import { NO_DISTRIBUTION } from './distribution.ts'
import type { ConnectionCounts, Counts } from './frame.ts'
import { micros } from './units.ts'

export const NO_COUNTS: Counts = {
  ...NO_ROUTE,
  codes: [],
  grpc: [],
  inFlight: 0,
  oldest: micros(0),
  header: NO_DISTRIBUTION,
  total: NO_DISTRIBUTION,
}

export const NO_CONNECTIONS: ConnectionCounts = { ...NO_CONNECTION, connect: NO_DISTRIBUTION }
