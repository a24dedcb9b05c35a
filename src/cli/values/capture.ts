/** The options of all commands that capture, declared and checked once. */
import { isIP } from 'node:net'
import { Option, type Command } from 'commander'
import { usageError } from '../../errors.ts'
import type { CaptureOptions } from '../../record/helper.ts'
import type { Labels } from '../../record/decoder.ts'
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
      'requests kept a second, failures and slow ones first',
      wholeNumber('--requests', 0, 100_000),
      requests,
    )
    .option('--probe <command>', "read the helper's lines from a shell command instead (no rights needed)")

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
})

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

function networkList(text: string): string {
  for (const entry of text.split(',')) {
    const [address = '', bits, ...rest] = entry.split('/')
    const most = isIP(address) === 4 ? 32 : 128
    const isPrefix = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most)
    if (isIP(address) === 0 || !isPrefix || rest.length > 0) {
      throw usageError(`--only "${entry}" is no network`, 'for example --only 10.0.1.0/24,fd00::/8')
    }
  }
  return text
}
