/** What `doctor --tls` says: whose TLS can be read, and what that would cost at the present rate. */
import type { TlsProgram } from '../../frame/model/tls.ts'
import type { UpstreamCheck } from './upstream-checks.ts'

/** Only with `--tls`: without it nothing is measured. A time is null where it could not be. */
export interface TlsFacts {
  /** it has probes for many places at once (uprobe_multi) */
  readonly kernel: boolean
  /** why no probe can be set, as the end of a sentence; empty where one can */
  readonly why: string
  /** a probe at the entry of a function, and at its return */
  readonly entry_ns: number | null
  readonly return_ns: number | null
  /** a probe at an entry whose first instruction the kernel has to step through */
  readonly stepped_ns: number | null
  readonly programs: readonly TlsProgramFacts[]
}

export interface TlsProgramFacts extends TlsProgram {
  /** calls in one second of all that run it; null: not counted */
  readonly writes: number | null
  readonly reads: number | null
  readonly workers: number
}

/** As `doctor --format json` says it. */
export interface TlsEntry extends Omit<TlsFacts, 'programs'> {
  readonly programs: readonly (TlsProgramFacts & {
    /** of the CPU time of one worker, 0–1; null: not known */
    readonly worker_share: number | null
  })[]
}

export const tlsEntry = ({ programs, ...times }: TlsFacts): TlsEntry => ({
  ...times,
  programs: programs.map((program) => ({ ...program, worker_share: workerShare(program, times) })),
})

type TlsCheck = Omit<UpstreamCheck, 'state'> & { readonly state: UpstreamCheck['state'] | 'failed' }

/** @param facts undefined: without `--tls` */
export function tlsChecks(facts: TlsFacts | undefined, kernel: string): readonly TlsCheck[] {
  if (facts === undefined) return []
  if (!facts.kernel)
    return [
      {
        state: 'failed',
        what: `--tls needs Linux 6.6 for its probes, this is ${kernel}`,
        remedy: 'without --tls it records: of TLS backends their connections, failures, times and bytes',
      },
    ]
  const { programs } = tlsEntry(facts)
  return [
    ...(facts.why === '' ? costChecks(facts) : [unmeasured(facts)]),
    ...programs.map(programCheck),
    ...(programs.length > 0
      ? []
      : [
          {
            state: 'warning',
            what: 'no nginx runs whose TLS could be read',
            remedy: 'start it, then run doctor again',
          } as const,
        ]),
  ]
}

const unmeasured = ({ why }: TlsFacts): TlsCheck => ({
  state: 'warning',
  what: `what a probe costs cannot be measured: ${why}`,
  remedy:
    'record --tls needs the rights of recording, and a kernel with CONFIG_UPROBES and CONFIG_BPF_EVENTS',
})

function costChecks({ entry_ns: entry, return_ns: ret, stepped_ns: stepped }: TlsFacts): readonly TlsCheck[] {
  const times = [
    ...(entry === null ? [] : [`${entry} ns at an entry`]),
    ...(ret === null ? [] : [`${ret} ns at a return`]),
    ...(stepped === null ? [] : [`${stepped} ns at an entry that is single-stepped`]),
  ]
  return times.length === 0
    ? []
    : [{ state: 'ok', what: `a probe costs nginx, as measured here: ${times.join(', ')}`, remedy: null }]
}

function programCheck(program: TlsEntry['programs'][number]): TlsCheck {
  const { path, processes, read, probe, why } = program
  const who = `${path} (${processes} ${processes === 1 ? 'process' : 'processes'})`
  if (read)
    return {
      state: 'ok',
      what: `${who}: read within TLS by ${probe === null ? '' : `${probe} `}probes${loadOf(program)}`,
      remedy: null,
    }
  return {
    state: 'warning',
    what: `${who} is not read within TLS: ${why}${loadOf(program)}`,
    remedy: null,
  }
}

/** `; at 1200 writes and 2400 reads per second 0.3 % of a worker` */
function loadOf({ writes, reads, worker_share: share }: TlsEntry['programs'][number]): string {
  if (writes === null || reads === null || share === null) return ''
  return `; at ${writes} writes and ${reads} reads per second ${percentOf(share)} of a worker`
}

/** A little is not nothing. */
const percentOf = (share: number): string =>
  share > 0 && share < 0.0005 ? '<0.1 %' : `${(share * 100).toFixed(1)} %`

/** A write has a probe at its entry, a read one at its entry and one at its return. */
function workerShare(
  { probe, writes, reads, workers }: TlsProgramFacts,
  { entry_ns: emulated, return_ns: ret, stepped_ns: stepped }: Omit<TlsFacts, 'programs'>,
): number | null {
  const entry = probe === 'stepped' ? stepped : emulated
  if (writes === null || reads === null || entry === null || ret === null || workers === 0) return null
  return (writes * entry + reads * (entry + ret)) / workers / 1e9
}
