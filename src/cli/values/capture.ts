/** The options of all commands that capture, declared and checked once. */
import { isIP } from 'node:net'
import { Option, type Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { CaptureOptions } from '../../record/helper.ts'
import type { Labels } from '../../record/decoder.ts'
import type { CaptureFileOptions } from '../../record/pcap/reading.ts'
import type { Network } from '../../record/pcap/machine.ts'
import { labelOption } from './labels.ts'
import { wholeNumber } from './number.ts'

export interface CaptureFlags {
  readonly iface?: readonly string[]
  readonly attach?: 'tcx' | 'cgroup'
  readonly cgroup?: string
  readonly ignore?: string
  readonly only?: string
  readonly nginxOnly?: boolean
  readonly tls?: true | 'force'
  readonly routesAs: 'template' | 'raw'
  readonly requests: number
  readonly name?: Labels
  readonly probe?: string
  readonly pcap?: string
  readonly client?: readonly Network[]
  readonly serverPort?: readonly number[]
}

/** @param requests default of --requests, per second */
export const addCaptureOptions = (command: Command, requests = 1000): Command =>
  command
    .option(
      '--iface <name>',
      'watch this interface alone (repeatable; default: all that are up)',
      interfaceName,
    )
    .addOption(
      new Option(
        '--attach <way>',
        'to the interfaces of this network namespace, or to the sockets of all (default: tcx where the kernel has it)',
      ).choices(['tcx', 'cgroup']),
    )
    .option('--cgroup <path>', 'watch the sockets of this control group alone: a container, a pod, a unit')
    .option('--ignore <list>', 'leave out backends: PORT or IP:PORT, separated by commas', backendList)
    .option('--only <list>', 'watch backends in these networks alone: CIDR, separated by commas', networkList)
    .option('--nginx-only', 'watch what an nginx sends alone: no sidecars, no cron jobs')
    .addOption(
      new Option(
        '--tls [how]',
        'also read requests within TLS, in nginx itself: takes CPU of its workers (doctor --tls measures it); force: even where it takes much',
      )
        .choices(['force'])
        .argParser(tlsWay),
    )
    .option(
      '--name <label>',
      "IP:PORT=LABEL, a backend's name instead of nginx's configuration (repeatable)",
      labelOption,
    )
    .addOption(
      new Option('--routes-as <form>', 'ids in paths as :id, or paths as they are')
        .choices(['template', 'raw'])
        .default('template'),
    )
    .option(
      '--requests <n>',
      'requests kept per second, failures and slow ones first',
      wholeNumber('--requests', 0, 100_000),
      requests,
    )
    .option('--probe <command>', "read the helper's lines from a shell command instead (no rights needed)")

/** A capture instead of the kernel's packets. */
export const addPcapOptions = (command: Command): Command =>
  command
    .option(
      '--pcap <file>',
      'read a capture of tcpdump or Wireshark instead (no rights needed); - is standard input',
    )
    .option(
      '--client <list>',
      'with --pcap: nginx is in these networks: CIDR, separated by commas',
      clientList,
    )
    .option('--server-port <list>', 'with --pcap: backends have these ports, separated by commas', portList)

export const captureOptions = (flags: CaptureFlags): CaptureOptions => ({
  iface: flags.iface ?? [],
  ...attachmentOf(flags),
  ignore: flags.ignore ?? null,
  only: flags.only ?? null,
  nginxOnly: flags.nginxOnly ?? false,
  tls: flags.tls,
  routesAs: flags.routesAs,
  requests: flags.requests,
  names: flags.name ?? new Map(),
  probe: flags.probe ?? null,
  pcap: pcapOf(flags),
})

/** What only a kernel has. */
const WITHOUT_PCAP = ['iface', 'attach', 'cgroup', 'nginxOnly', 'tls', 'probe'] as const

function pcapOf(flags: CaptureFlags): CaptureFileOptions | undefined {
  const { pcap, client, serverPort } = flags
  if (pcap === undefined) {
    if (client === undefined && serverPort === undefined) return undefined
    throw usageError(
      `--${client === undefined ? 'server-port' : 'client'} says which side of a capture is nginx`,
      'it goes with --pcap FILE',
    )
  }
  const other = WITHOUT_PCAP.find((name) => flags[name] !== undefined && flags[name] !== false)
  if (other !== undefined) {
    const word = other === 'nginxOnly' ? 'nginx-only' : other
    throw usageError(
      `--pcap "${pcap}" reads a file, and --${word} is for the kernel`,
      'leave one of them out',
    )
  }
  return {
    file: pcap,
    clients: client ?? [],
    serverPorts: serverPort ?? [],
    only: (flags.only ?? '').split(',').filter(Boolean).map(networkOf),
    ignore: (flags.ignore ?? '').split(',').filter(Boolean).map(ignoredOf),
    rawRoutes: flags.routesAs === 'raw',
    requests: flags.requests,
  }
}

function ignoredOf(entry: string): CaptureFileOptions['ignore'][number] {
  const [, host, port] = /^(?:(.+):)?(\d+)$/.exec(entry)!
  return {
    address: host === undefined ? null : bytesOf(host.replace(/^\[(.*)\]$/, '$1')),
    port: Number(port),
  }
}

function networkOf(entry: string): Network {
  const [address = '', bits] = entry.split('/')
  const bytes = bytesOf(address)
  return { address: bytes, prefix: bits === undefined ? 8 * bytes.length : Number(bits) }
}

/** @param address as isIP() takes it */
function bytesOf(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number)
  const { hostname } = new URL(`http://[${address}]/`)
  const [left = '', right] = hostname.slice(1, -1).split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => parseInt(group, 16))
  const [before, after] = [groups(left), groups(right ?? '')]
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]))
}

function clientList(text: string): readonly Network[] {
  return checkedNetworks('--client', text).split(',').map(networkOf)
}

function portList(text: string): readonly number[] {
  return text.split(',').map((entry) => {
    const port = Number(entry)
    if (/^\d{1,5}$/.test(entry) && port >= 1 && port <= 65_535) return port
    throw usageError(`--server-port "${entry}" is no port`, 'for example --server-port 8080,9001')
  })
}

function attachmentOf({ iface, attach, cgroup }: CaptureFlags): Pick<CaptureOptions, 'attach' | 'cgroup'> {
  if (cgroup !== undefined && attach === 'tcx') {
    throw usageError(`--cgroup "${cgroup}" narrows --attach cgroup`, 'leave --attach tcx out')
  }
  if (iface !== undefined && (attach === 'cgroup' || cgroup !== undefined)) {
    throw usageError(
      `--iface "${iface.join(', ')}" is for interfaces, and --attach cgroup sees sockets`,
      'leave one of them out',
    )
  }
  return { attach: attach ?? null, cgroup: cgroup ?? null }
}

function tlsWay(how: string): 'force' {
  if (how === 'force') return how
  throw usageError(`--tls "${how}" is no way to read TLS`, '--tls, or --tls=force')
}

/** Follows the kernel: IFNAMSIZ and dev_valid_name(). */
function interfaceName(text: string, names: readonly string[] = []): readonly string[] {
  if (!/^[^\s/:]{1,15}$/.test(text) || text === '.' || text === '..') {
    throw usageError(`--iface "${text}" is no interface name`, "'ip -br link' lists them")
  }
  return [...names, text]
}

function backendList(text: string): string {
  for (const entry of text.split(',')) {
    const [, host = null, port] = /^(?:(.+):)?(\d{1,5})$/.exec(entry) ?? []
    const address = host?.replace(/^\[(.*)\]$/, '$1') ?? null
    const isPort = port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
    if (!isPort || (address !== null && isIP(address) === 0)) {
      throw usageError(
        `--ignore "${entry}" is neither PORT nor IP:PORT`,
        'for example --ignore 9090,10.0.1.10:8080,[fd00::1]:80',
      )
    }
  }
  return text
}

const networkList = (text: string): string => checkedNetworks('--only', text)

function checkedNetworks(option: string, text: string): string {
  for (const entry of text.split(',')) {
    const [address = '', bits, ...rest] = entry.split('/')
    const most = isIP(address) === 4 ? 32 : 128
    const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
    if (isIP(address) === 0 || !isPrefix || rest.length > 0) {
      throw usageError(`${option} "${entry}" is no network`, `for example ${option} 10.0.1.0/24,fd00::/8`)
    }
  }
  return text
}
