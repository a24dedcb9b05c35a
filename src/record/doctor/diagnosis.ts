/** Turns the facts that doctor collected into checks, one line each, with a remedy. */
import { everyNginxChecks, type EveryNginxFacts } from './every-nginx.ts'
import { nameChecks, type NameFacts } from './name-checks.ts'
import { tlsChecks, type TlsFacts } from './tls-checks.ts'
import { upstreamChecks, type UpstreamFacts } from './upstream-checks.ts'
import type { Unseen } from '../../frame/model/recording.ts'

export interface Check {
  readonly check:
    'helper' | 'kernel' | 'attach' | 'btf' | 'rights' | 'programs' | 'interface' | 'nginx' | 'tls' | 'traffic'
  /** failed: recording does not work; warning: recordings will lack something */
  readonly state: 'ok' | 'warning' | 'failed'
  readonly what: string
  /** null for ok, and where nothing helps */
  readonly remedy: string | null
}

/** One tcx program on a hook, in the order in which they run. */
export interface ChainLink {
  readonly id: number
  readonly name: string
}

/** The output of `upstreamtop-probe --doctor`. A field that an older helper does not have is undefined. */
export interface Facts extends UpstreamFacts, EveryNginxFacts, NameFacts {
  readonly kernel: string
  readonly tcx: boolean
  /** the helper refuses it */
  readonly too_old?: boolean
  /** it is one of those on which recording was seen to work, or later */
  readonly tried?: boolean
  readonly attach?: AttachFacts
  readonly btf: boolean
  readonly rights: {
    /** names, separated by commas; empty when none is missing */
    readonly missing: string
    /** whether nginx's ports can be read */
    readonly ptrace: boolean
  }
  readonly interfaces: readonly InterfaceFacts[]
  readonly nginx: 'none' | 'unreadable' | 'known'
  /** the part of nginx that was not read, as a sentence; empty when nothing is missing */
  readonly nginx_warning?: string
  /** masters of nginx, at most 32 */
  readonly masters?: readonly MasterFacts[]
  readonly front_doors: readonly number[]
  readonly tls?: TlsFacts
}

/** The way of attaching that a recorder with these options takes. */
export interface AttachFacts {
  readonly way: 'tcx' | 'cgroup'
  /** in a few words */
  readonly why: string
  /** what that way lacks here, and what helps; empty: nothing */
  readonly missing: string
  readonly remedy: string
}

export interface MasterFacts {
  readonly pid: number
  /** path of its binary, or the process's name where the path cannot be read */
  readonly program: string
}

export interface InterfaceFacts {
  readonly name: string
  readonly up: boolean
  /** the link type is Ethernet or layer 3, which we can parse */
  readonly readable: boolean
  /** offloads: programs see segments joined, as the kernel handles them */
  readonly gro?: boolean
  readonly gso?: boolean
  readonly tso?: boolean
  /** null if it cannot be queried */
  readonly ingress: readonly ChainLink[] | null
  readonly egress: readonly ChainLink[] | null
}

/** Counts of a short recording. */
export interface TrafficSample {
  readonly seconds: number
  readonly requests: number
  readonly halfSeen: number
  readonly routed: number
  readonly opaque: number
  /** with `--tls` */
  readonly readsTls: boolean
}

export const wouldRecord = (checks: readonly Check[]): boolean =>
  checks.every(({ state }) => state !== 'failed')

/** The checks that need no traffic. */
export function diagnose(facts: Facts): readonly Check[] {
  return [
    kernelCheck(facts),
    ...attachChecks(facts),
    btfCheck(facts),
    rightsCheck(facts),
    // By control group it does not matter which there are.
    ...(isByGroup(facts) ? [] : interfaceChecks(facts.interfaces)),
    ...nginxChecks(facts),
    ...tlsChecks(facts.tls, facts.kernel).map((line): Check => ({ check: 'tls', ...line })),
  ]
}

const ok = (check: Check['check'], what: string): Check => ({ check, state: 'ok', what, remedy: null })
const warning = (check: Check['check'], what: string, remedy: string): Check => ({
  check,
  state: 'warning',
  what,
  remedy,
})
export const failed = (check: Check['check'], what: string, remedy: string): Check => ({
  check,
  state: 'failed',
  what,
  remedy,
})

function kernelCheck({ kernel, too_old: tooOld = false, tried = true }: Facts): Check {
  if (tooOld)
    return failed(
      'kernel',
      `needs Linux 5.17 for its BPF programs, this is ${kernel}`,
      'record on a newer kernel; replay and report work here',
    )
  if (!tried)
    return warning(
      'kernel',
      `Linux ${kernel}: the oldest on which it was tried is 6.1`,
      'the line "programs" says whether it works here',
    )
  return ok('kernel', `Linux ${kernel}`)
}

const isByGroup = ({ attach }: Facts): boolean => attach?.way === 'cgroup'

function attachChecks({ attach }: Facts): readonly Check[] {
  if (attach === undefined) return []
  const { way, why, missing, remedy } = attach
  if (missing !== '') return [failed('attach', missing, remedy)]
  const what = { tcx: 'tcx, to interfaces', cgroup: 'by control group, to sockets of all network namespaces' }
  return [ok('attach', `${what[way]}: ${why}`)]
}

const btfCheck = ({ btf }: Facts): Check =>
  btf
    ? ok('btf', 'the kernel describes its types (/sys/kernel/btf/vmlinux)')
    : failed('btf', '/sys/kernel/btf/vmlinux is missing', 'use a kernel built with CONFIG_DEBUG_INFO_BTF=y')

function rightsCheck({ rights: { missing, ptrace } }: Facts): Check {
  if (missing !== '')
    return failed(
      'rights',
      `missing: ${missing}`,
      "run with sudo, or install it with its rights: 'make install', or the Debian package",
    )
  if (!ptrace)
    return warning(
      'rights',
      "enough to record, but without CAP_SYS_PTRACE nginx's own ports are learned from its traffic alone",
      'to be sure, name them: --ignore PORT',
    )
  return ok('rights', 'enough to load and attach; dropped again at once')
}

function interfaceChecks(interfaces: readonly InterfaceFacts[]): readonly Check[] {
  const checks = interfaces.map(interfaceCheck)
  const usable = interfaces.some(({ up, readable }) => up && readable)
  return usable
    ? checks
    : [
        ...checks,
        failed('interface', 'no interface that is up can be read', "bring one up: 'ip link set NAME up'"),
      ]
}

function interfaceCheck(facts: InterfaceFacts): Check {
  const { up, readable, ingress, egress } = facts
  const name = `${facts.name}${offloads(facts)}`
  if (!up) return ok('interface', `${name}: down, left out`)
  if (!readable)
    return warning(
      'interface',
      `${name}: its packets have a link type that cannot be read`,
      'requests are seen where they leave by another interface',
    )
  if (ingress === null || egress === null)
    return ok('interface', `${name}: who else is on its hooks is seen with rights only`)
  const others = [...chain('ingress', ingress), ...chain('egress', egress)]
  if (others.length === 0) return ok('interface', `${name}: nobody else on its hooks`)
  return ok('interface', `${name}: ${others.join('; ')}; we attach in front of them and pass every packet on`)
}

function offloads({ up, gro, gso, tso }: InterfaceFacts): string {
  const on = Object.entries({ gro, gso, tso }).filter(([, isOn]) => isOn === true)
  return !up || on.length === 0 ? '' : ` (${on.map(([offload]) => offload).join(' ')})`
}

const chain = (hook: string, links: readonly ChainLink[]): readonly string[] =>
  links.length === 0
    ? []
    : [
        `${hook}: ${links.map(({ id, name }) => `${name === '' ? 'program' : name} (id ${id})`).join(', then ')}`,
      ]

const nginxChecks = (facts: Facts): readonly Check[] => [
  nginxCheck(facts),
  ...unreadChecks(facts),
  ...[
    ...upstreamChecks(facts, facts.tls !== undefined),
    ...nameChecks(facts),
    ...everyNginxChecks(facts),
  ].map((line): Check => ({
    check: 'nginx',
    ...line,
  })),
]

/** If no port at all could be read, nginxCheck reports it. */
const unreadChecks = ({ nginx, nginx_warning: text = '' }: Facts): readonly Check[] =>
  text === '' || nginx === 'unreadable'
    ? []
    : [warning('nginx', text, 'to be sure, name them: --ignore PORT')]

function nginxCheck(facts: Facts): Check {
  const { nginx, masters = [], front_doors: listenPorts, upstreams, every_nginx: every = [] } = facts
  const who = masters.map(({ pid, program }) => `${program} (pid ${pid})`).join(', ')
  switch (nginx) {
    case 'none':
      if (every.length > 0)
        return warning(
          'nginx',
          `no nginx runs in this network namespace, but ${every.length} elsewhere on this host`,
          'the lines below say with what each of them is seen',
        )
      return isByGroup(facts)
        ? warning('nginx', 'no nginx runs on this host', 'start it, then run doctor again')
        : warning(
            'nginx',
            'no nginx runs in this network namespace',
            'is it in a container? --attach cgroup sees those of this host',
          )
    case 'unreadable':
      return warning(
        'nginx',
        'nginx runs here, but its ports cannot be read; they are learned from its traffic',
        'to be sure, name them: --ignore PORT',
      )
    case 'known':
      return ok(
        'nginx',
        listenPorts.length === 0
          ? `nginx runs here and ${upstreams.length === 0 ? 'proxies nothing yet' : 'has no proxy_pass, so that none of its ports is left out'}${who === '' ? '' : `: ${who}`}`
          : `front door: ${listenPorts.join(', ')} (clients' requests there are left out)${who === '' ? '' : ` of ${who}`}`,
      )
  }
}

/** The warnings of the helper's hello: recording works, but not for everything. */
export const unseenChecks = (unseen: readonly Unseen[]): readonly Check[] =>
  unseen.map(({ what, remedy }) => warning('programs', what, remedy))

/** A container's traffic is routed through this host. If there is more of it than of the host's own, nginx runs elsewhere. */
export function trafficChecks({
  seconds,
  requests,
  halfSeen,
  routed,
  opaque,
  readsTls,
}: TrafficSample): readonly Check[] {
  const span = `in ${seconds} s`
  const checks = [
    requests > 0
      ? ok('traffic', `${requests} requests ${span}`)
      : warning('traffic', `no request to a backend ${span}`, 'try again while nginx has traffic'),
  ]
  if (halfSeen > 0)
    checks.push(
      warning(
        'traffic',
        `${halfSeen} connections of which a direction, or both, is not seen ${span}`,
        'leave out --iface, so that all interfaces are watched; what a service mesh leads from socket to socket (bpftool map list: sockhash, sockmap) is in no packet',
      ),
    )
  if (routed > requests)
    checks.push(
      warning(
        'traffic',
        `${routed} requests were only routed through this host ${span}`,
        'is nginx in a container of this host? --attach cgroup sees it; or is it on another host?',
      ),
    )
  if (opaque > 0)
    checks.push(
      warning(
        'traffic',
        `${opaque} connections speak TLS or HTTP/2 that is not read ${span}`,
        readsTls ? 'the lines "tls" say which nginx is read' : '--tls reads those of nginx within TLS',
      ),
    )
  return checks
}
