/** Runs the helper's own checks, and if recording works, records for a short time. */
import { execFile } from 'node:child_process'
import { UserError } from '../../errors.ts'
import { NO_EXCLUDED, NO_LOSS } from '../../frame/model/counters.generated.ts'
import { addFields } from '../../frame/sum/merge.ts'
import {
  diagnose,
  failed,
  trafficChecks,
  unseenChecks,
  wouldRecord,
  type Check,
  type Facts,
  type TrafficSample,
} from './diagnosis.ts'
import { nginxEntries, type NginxEntry } from './every-nginx.ts'
import { helperArguments, startHelper, type CaptureOptions } from '../helper.ts'
import { HELPER_PATH, WITHOUT_HELPER } from '../helper-file.ts'
import { readSource } from '../source.ts'
import { tlsEntry, type TlsEntry } from './tls-checks.ts'
import { NO_UPSTREAMS } from './upstream-checks.ts'
import type { Unseen } from '../../frame/model/recording.ts'

/** @param seconds how long to record; 0 only loads and attaches, without checks of the traffic */
export async function examine(
  options: CaptureOptions,
  seconds: number,
  env: NodeJS.ProcessEnv,
): Promise<Diagnosis> {
  const answer = await askHelper(options)
  if (!('facts' in answer)) return { checks: [answer.problem], nginx: null, tls: null }
  return {
    checks: await checksOf(answer.facts, options, seconds, env),
    nginx: nginxEntries(answer.facts),
    tls: answer.facts.tls === undefined ? null : tlsEntry(answer.facts.tls),
  }
}

export interface Diagnosis {
  readonly checks: readonly Check[]
  /** every nginx of this host; null: the helper did not tell */
  readonly nginx: readonly NginxEntry[] | null
  /** null: without `--tls` */
  readonly tls: TlsEntry | null
}

async function checksOf(
  facts: Facts,
  options: CaptureOptions,
  seconds: number,
  env: NodeJS.ProcessEnv,
): Promise<readonly Check[]> {
  const checks = diagnose(facts)
  if (!wouldRecord(checks)) return checks
  try {
    const { sample, unseen } = await sampleTraffic(options, seconds, env)
    return [
      ...checks,
      attached,
      ...unseenChecks(unseen.filter(isNotListedAbove)),
      ...(seconds > 0 ? trafficChecks(sample) : []),
    ]
  } catch (error) {
    return [...checks, notAttached(error)]
  }
}

/** These upstreams have lines of their own; hello names them in one sentence. */
const LISTED = ['upstreams on unix sockets ', 'upstreams that are only known at run time ']
const isNotListedAbove = ({ what }: Unseen): boolean => !LISTED.some((begin) => what.startsWith(begin))

const attached: Check = {
  check: 'programs',
  state: 'ok',
  what: 'load and attach, and were detached again',
  remedy: null,
}

const notAttached = (error: unknown): Check =>
  failed(
    'programs',
    error instanceof Error ? error.message : String(error),
    (error instanceof UserError ? error.remedy : undefined) ??
      "rebuild against this kernel: 'make clean build'",
  )

/** The helper itself takes at most two seconds, with `--tls` a few more. */
const TIMEOUT_MS = 30_000

type Answer = { readonly facts: Facts } | { readonly problem: Check }

/** With the options of the recording: what is said is what it would do. */
async function askHelper(options: CaptureOptions): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(
      HELPER_PATH,
      ['--doctor', ...helperArguments(options)],
      { env: {}, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const facts = factsIn(stdout)
        if (facts !== null) resolve({ facts })
        else resolve({ problem: helperProblem(error, stderr.trim()) })
      },
    )
  })
}

function helperProblem(error: Error | null, stderr: string): Check {
  const code = error !== null && 'code' in error ? error.code : null
  if (code === 'ENOENT') return failed('helper', WITHOUT_HELPER.what, WITHOUT_HELPER.remedy)
  if (code === 'EACCES')
    return failed(
      'helper',
      `may not run the helper "${HELPER_PATH}"`,
      "run with sudo, or join the group: 'sudo usermod -aG upstreamtop $USER'",
    )
  return failed(
    'helper',
    stderr === '' ? 'the helper says nothing' : stderr,
    "rebuild it: 'make clean build'",
  )
}

function factsIn(text: string): Facts | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    return { ...DEFAULT_FACTS, ...value }
  } catch {
    return null
  }
}

/** For fields that an older helper does not have. */
const DEFAULT_FACTS: Facts = {
  kernel: 'unknown',
  tcx: true,
  btf: true,
  rights: { missing: '', ptrace: true },
  interfaces: [],
  nginx: 'none',
  front_doors: [],
  ...NO_UPSTREAMS,
}

async function sampleTraffic(
  options: CaptureOptions,
  seconds: number,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly sample: TrafficSample; readonly unseen: readonly Unseen[] }> {
  const helper = startHelper(options, env)
  let timer: NodeJS.Timeout | undefined
  let requests = 0
  let loss = NO_LOSS
  let excluded = NO_EXCLUDED
  let opaque = 0
  let unseen: readonly Unseen[] = []
  try {
    for await (const event of readSource(helper.lines)) {
      if (event.kind === 'hello') {
        unseen = event.hello.unseen ?? []
        // Not earlier: a helper whose stdin is closed before hello attaches nothing.
        timer = setTimeout(() => helper.stop(), seconds * 1000)
      }
      if (event.kind !== 'frame') continue
      const { frame } = event
      requests += frame.traffic.reduce((sum, row) => sum + row.requests, 0)
      opaque += frame.connections.reduce((sum, row) => sum + row.opaque, 0)
      loss = addFields(loss, frame.loss)
      excluded = addFields(excluded, frame.excluded)
    }
    await helper.ended
  } finally {
    clearTimeout(timer)
    helper.stop()
  }
  const sample = {
    seconds,
    requests,
    halfSeen: loss.halfSeen,
    routed: excluded.routed,
    opaque,
    readsTls: options.tls !== undefined,
  }
  return { sample, unseen }
}
