/** Every nginx of this host, in whatever network namespace or container, and with what its traffic is seen. */
import { namespaceLabel, type NamespaceFacts } from '../namespace-label.ts'
import { few, shortLine, type Upstream, type UpstreamCheck } from './upstream-checks.ts'

/** Fields that an older helper does not have are undefined. */
export interface EveryNginxFacts {
  /** of the helper's own network namespace, its inode number */
  readonly netns?: number
  /** by control group a recorder sees all of them */
  readonly attach?: { readonly way: string }
  readonly every_nginx?: readonly NginxFacts[]
  /** the part of them that was not read, as a sentence; empty when nothing is missing */
  readonly every_nginx_warning?: string
}

/** A master; the names and the control group are those of its network namespace and its own. */
export interface NginxFacts extends NamespaceFacts {
  readonly pid: number
  readonly program: string
  /** its file within its own root; empty where it is not known */
  readonly configuration: string
  readonly netns: number
  /** where it listens, whether or not it proxies */
  readonly doors: readonly string[]
  readonly upstreams: readonly Upstream[]
}

/** As `doctor --format json` says it. */
export interface NginxEntry {
  readonly pid: number
  readonly program: string
  /** null: not known */
  readonly configuration: string | null
  readonly netns: number
  /** what its network namespace is called; null: nothing tells it */
  readonly namespace: string | null
  /** the container, pod or unit that it runs in; null: none */
  readonly container: string | null
  readonly doors: readonly string[]
  readonly upstreams: readonly Upstream[]
  /** ways to record it from here, as options or commands; empty: no other option is needed */
  readonly seen_with: readonly string[]
}

export const nginxEntries = ({
  every_nginx: every,
  netns: own,
  attach,
}: EveryNginxFacts): NginxEntry[] | null =>
  every?.map((nginx) => ({
    pid: nginx.pid,
    program: nginx.program,
    configuration: nginx.configuration === '' ? null : nginx.configuration,
    netns: nginx.netns,
    namespace: namespaceLabel(nginx),
    container: containerOf(nginx),
    doors: nginx.doors,
    upstreams: nginx.upstreams,
    seen_with:
      attach?.way === 'cgroup' || nginx.netns === own ? [] : ['--attach cgroup', commandWithin(nginx)],
  })) ?? null

const containerOf = ({ cgroup = '' }: NginxFacts): string | null => namespaceLabel({ cgroup })

/** A name of `ip netns` is entered by it. */
const commandWithin = ({ names = [], pid }: NginxFacts): string =>
  names[0] === undefined
    ? `sudo nsenter -t ${pid} -n upstreamtop record …`
    : `sudo ip netns exec ${names[0]} upstreamtop record …`

export const everyNginxChecks = (facts: EveryNginxFacts): readonly UpstreamCheck[] => [
  ...(nginxEntries(facts) ?? []).map((nginx) => checkOf(nginx, facts.netns)),
  ...unreadChecks(facts),
]

function checkOf(nginx: NginxEntry, own: number | undefined): UpstreamCheck {
  const [option, command] = nginx.seen_with
  const what = [
    `${nginx.program} (pid ${nginx.pid}) ${placeOf(nginx, own)}`,
    ...(nginx.configuration === null ? [] : [`configuration ${nginx.configuration}`]),
    nginx.doors.length === 0 ? 'does not listen on TCP' : `listens on ${few(nginx.doors)}`,
    nginx.upstreams.length === 0
      ? 'no upstreams known'
      : `passes requests on to ${few(nginx.upstreams.map(shortLine))}`,
  ].join('; ')
  return option === undefined
    ? { state: 'ok', what, remedy: null }
    : { state: 'warning', what, remedy: `it is seen with ${option}, or from within: ${command ?? ''}` }
}

function placeOf({ namespace, netns, container }: NginxEntry, own: number | undefined): string {
  const space = netns === own ? 'in this network namespace' : `in network namespace ${namespace ?? netns}`
  return container === null || container === namespace ? space : `${space}, of ${container}`
}

/** What was not read of the nginx of this namespace has a line of its own already. */
const unreadChecks = (facts: EveryNginxFacts & { readonly nginx_warning?: string }): UpstreamCheck[] => {
  const { every_nginx_warning: text = '' } = facts
  return text === '' || text === facts.nginx_warning
    ? []
    : [
        {
          state: 'warning',
          what: `in other network namespaces: ${text}`,
          remedy: 'run doctor as root, or within that namespace',
        },
      ]
}
