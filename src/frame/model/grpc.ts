/** gRPC exchanges by grpc-status, as they are in `Counts.grpc`: null where nothing tells, [] where there was no gRPC. */
import type { Codes, Counts } from './frame.ts'
import { mergeBuckets, sumBuckets } from './histogram.ts'

/** The exchange ended without a grpc-status. */
export const GRPC_NONE = 999
const OK = 0

/** https://grpc.io/docs/guides/status-codes/ */
const NAMES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** The key in JSON: `0`, `14`, `none`. */
export const grpcWord = (status: number): string => (status === GRPC_NONE ? 'none' : String(status))

/** Of such a key; null: it is none. */
export function grpcStatusOf(word: string): number | null {
  if (word === 'none') return GRPC_NONE
  return /^(0|[1-9]\d{0,2})$/.test(word) && Number(word) < GRPC_NONE ? Number(word) : null
}

/** What gRPC calls it, for people. */
export const grpcName = (status: number): string =>
  status === GRPC_NONE ? 'no status' : (NAMES[status] ?? String(status))

/** Exchanges that ended. */
export const grpcEnded = (grpc: Codes | null): number | null => grpc && countOf(grpc, () => true)

/** Those among them that did not end with OK. */
export const grpcErrors = (grpc: Codes | null): number | null =>
  grpc && countOf(grpc, (status) => status !== OK)

function countOf(grpc: Codes, has: (status: number) => boolean): number {
  let count = 0
  for (let i = 0; i < grpc.length; i += 2) if (has(grpc[i]!)) count += grpc[i + 1]!
  return count
}

/** A sum with an unknown part is unknown. */
export const mergeGrpc = (a: Codes | null, b: Codes | null): Codes | null =>
  a === null || b === null ? null : mergeBuckets(a, b)

export function sumGrpc(parts: readonly Pick<Counts, 'grpc'>[]): Codes | null {
  const some: Codes[] = []
  for (const { grpc } of parts) {
    if (grpc === null) return null
    if (grpc.length > 0) some.push(grpc)
  }
  return sumBuckets(some)
}
