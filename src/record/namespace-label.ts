/**
 * What a network namespace is called: its name of `ip netns`, else the container, pod or unit of the process that connected from it, as the
 * path of its control group tells them. The forms are those of Docker, containerd, CRI-O, podman, Kubernetes, ECS, LXC and systemd, each
 * with the cgroupfs and the systemd driver, and nested: the innermost counts.
 */
export interface NamespaceFacts {
  /** of `ip netns` */
  readonly names?: readonly string[]
  readonly cgroup?: string
  /** it is the host's own */
  readonly host?: boolean
}

/** null: nothing tells it; its number is all there is */
export function namespaceLabel({ names = [], cgroup = '', host = false }: NamespaceFacts): string | null {
  const groups = cgroup
    .replace(/ \(deleted\)$/, '')
    .split('/')
    .filter((group) => group !== '' && group !== '..')
    .reverse()
  return (
    names.find((name) => !OF_A_RUNTIME.test(name)) ??
    (host ? 'host' : null) ??
    innermost(groups, containerOf) ??
    innermost(groups, podOf) ??
    innermost(groups, unitOf) ??
    innermost(groups, sliceOf) ??
    names[0] ??
    null
  )
}

/** Container runtimes name the namespaces of pods: `cni-UUID` (containerd), `netns-UUID` (podman), `UUID` (CRI-O). */
const OF_A_RUNTIME = /^(cni-|netns-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Rule = (group: string, parent: string | undefined) => string | null

function innermost(groups: readonly string[], rule: Rule): string | null {
  for (const [i, group] of groups.entries()) {
    const label = rule(group, groups[i + 1])
    if (label !== null) return label
  }
  return null
}

/** As many digits of an id as `docker ps` and `crictl ps` show. */
const SHORT = 12

function containerOf(group: string, parent: string | undefined): string | null {
  const id = CONTAINER_ID.exec(group)?.[1]
  if (id !== undefined) return id.slice(0, SHORT)
  const name = LXC.exec(group)?.[1] ?? (parent !== undefined && LXC_FOLDER.test(parent) ? group : undefined)
  if (name !== undefined) return name
  const machine = MACHINE.exec(group)
  return machine === null ? null : unescaped(machine[1] ?? machine[2] ?? '')
}

/** `ID`, `docker-ID.scope`, `libpod-ID`, `kubepods-….slice:cri-containerd:ID`; on Fargate 32 digits and a number. */
const CONTAINER_ID = /(?:^|[-:])([0-9a-f]{64}|[0-9a-f]{32}(?=-\d+$))(?:-\d+)?(?:\.scope|\.service)?$/
/** LXC 4 and later; before, a folder had the containers. */
const LXC = /^lxc\.(?:payload|monitor)\.(.+)$/
const LXC_FOLDER = /^lxc(\.payload|\.monitor)?$/
/** systemd-machined registers containers, and virtual machines too. */
const MACHINE = /^(?:machine-(.+)\.scope|systemd-nspawn@(.+)\.service)$/

/** The pod's uid, with `-` as Kubernetes writes it; that of a static pod is 32 digits. */
function podOf(group: string): string | null {
  const uid = POD.exec(group)?.[1]
  return uid === undefined ? null : uid.replaceAll('_', '-')
}

const POD = /(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?::.*)?$/

const unitOf: Rule = (group) => (/^[^:]+\.(service|scope|socket|mount)$/.test(group) ? group : null)

/** Those that every host has tell nothing. */
const sliceOf: Rule = (group) =>
  group.endsWith('.slice') && !/^(-|system|user|machine|init|user-\d+|kubepods.*)\.slice$/.test(group)
    ? group
    : null

/** systemd writes a byte of a name that is not plain as `\xHH`. */
function unescaped(name: string): string {
  const bytes = [...name.matchAll(/\\x([0-9a-f]{2})|[^\\]|\\/gi)].flatMap(([text, hex]) =>
    hex === undefined ? [...Buffer.from(text)] : [parseInt(hex, 16)],
  )
  return Buffer.from(bytes).toString()
}
