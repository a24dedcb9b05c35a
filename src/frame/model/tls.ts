/**
 * What a recorder reads within TLS (`--tls`), and at what cost. Wire, file and JSON have it in these words, so it goes from one to the other
 * unchanged. Of several runs a recording has one each, unless they say the same.
 */
export interface TlsReading {
  /** `--tls=force`: also where probes are expensive */
  readonly forced: boolean
  /** what a probe at the entry of a function cost on this machine when the recorder started; null: not measured */
  readonly entry_ns: number | null
  /** the same at its return */
  readonly return_ns: number | null
  readonly programs: readonly TlsProgram[]
}

/** A program file of nginx, whatever the number of processes that run it. */
export interface TlsProgram {
  /** as its process sees it */
  readonly path: string
  /** that ran it when the recorder started */
  readonly processes: number
  /** probes are attached */
  readonly read: boolean
  /** of the more expensive of its two functions: emulated is cheap, stepped is not; null: unknown */
  readonly probe: 'emulated' | 'stepped' | null
  /** why it is not read: the end of a sentence; empty where it is */
  readonly why: string
}

/** Several programs of nginx are rare on one host. */
const MAX_PROGRAMS = 100

/** Of a helper or a file, which may hold anything. @param textOf null: no text. @returns null: not of this shape */
export function tlsReadingOf(value: unknown, textOf: (text: unknown) => string | null): TlsReading | null {
  if (!isObject(value)) return null
  const { forced = false, entry_ns: entry = null, return_ns: ret = null, programs = [] } = value
  if (typeof forced !== 'boolean' || !isKnownOrNull(entry) || !isKnownOrNull(ret)) return null
  if (!Array.isArray(programs)) return null
  const read = programs.slice(0, MAX_PROGRAMS).map((program) => programOf(program, textOf))
  if (!read.every((program) => program !== null)) return null
  return { forced, entry_ns: entry, return_ns: ret, programs: read }
}

function programOf(value: unknown, textOf: (text: unknown) => string | null): TlsProgram | null {
  if (!isObject(value)) return null
  const { processes = 0, read, probe } = value
  const [path, why] = [textOf(value.path), textOf(value.why ?? '')]
  if (path === null || path === '' || why === null || typeof read !== 'boolean' || !isWhole(processes))
    return null
  // A class that a later helper knows is unknown here.
  return { path, processes, read, probe: probe === 'emulated' || probe === 'stepped' ? probe : null, why }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isKnownOrNull = (value: unknown): value is number | null => value === null || isWhole(value)

/** A recording that goes on may be begun in another way each time. */
const MAX_READINGS = 64

/** The recording goes on. What says the same of the same programs is one, with the newest costs. */
export const withReading = (before: readonly TlsReading[], now: TlsReading): readonly TlsReading[] =>
  [...before.filter((reading) => saysOf(reading) !== saysOf(now)), now].slice(-MAX_READINGS)

const saysOf = ({ forced, programs }: TlsReading): string =>
  JSON.stringify([forced, programs.map(({ path, read, probe, why }) => [path, read, probe, why])])
