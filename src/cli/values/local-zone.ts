/**
 * The time zone of this machine, as libc reads it: a name, the path of a zone's file, a POSIX rule. For most of these Node itself knows
 * the offsets, but no name, and a recording needs a name.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { isTimeZone } from '../../frame/time/timezone.ts'
import type { Io } from '../io.ts'

const zones = new WeakMap<Io, string>()

/** Says once that the zone has no name. */
export function localZone(io: Io): string {
  const zone = zones.get(io) ?? readLocalZone(io)
  zones.set(io, zone)
  return zone
}

function readLocalZone({ env, stderr }: Io): string {
  const { TZ } = env
  const name = TZ === undefined ? systemZone() : zoneNamed(TZ)
  if (name !== null) return name
  const what = TZ === undefined ? `the time zone of "${LOCALTIME}"` : `the time zone TZ="${TZ}"`
  stderr.line(`upstreamtop: ${what} has no name: times are in UTC. Set TZ to a name such as Europe/Berlin.`)
  return 'UTC'
}

const LOCALTIME = '/etc/localtime'

/** @param value of TZ. @returns null: it has no name */
export function zoneNamed(value: string): string | null {
  const zone = value.replace(/^:/, '')
  // An empty TZ is UTC, by POSIX.
  if (zone === '') return 'UTC'
  return zone.startsWith('/') ? zoneOfFile(zone) : (known(zone) ?? zoneOfRule(zone))
}

function systemZone(): string | null {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions() as { timeZone?: string }
  return known(timeZone ?? '') ?? zoneOfFile(LOCALTIME)
}

/** Intl also takes offsets, but not in every version. */
function known(name: string): string | null {
  const zone = name.replace(/^(posix|right)\//, '')
  return /^[A-Za-z]/.test(zone) && isTimeZone(zone) ? zone : null
}

const ZONES = '/usr/share/zoneinfo'

/** By the path, or that to which it links; by its content where it is a copy. */
function zoneOfFile(path: string): string | null {
  const byPath = (text: string): string | null => known(/\/zoneinfo[^/]*\/(.+)$/.exec(text)?.[1] ?? '')
  try {
    const content = readFileSync(path)
    return byPath(path) ?? byPath(realpathSync(path)) ?? zoneWith(content)
  } catch {
    return null
  }
}

/** Zones that are links to another one have the same content: the largest places come first. */
const REGIONS = ['Europe', 'America', 'Asia', 'Africa', 'Australia', 'Pacific']

function zoneWith(content: Buffer): string | null {
  const rank = (zone: string): number => (REGIONS.indexOf(zone.split('/')[0]!) + 7) % 7
  const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').sort((a, b) => rank(a) - rank(b))]
  const isSame = (zone: string): boolean => {
    try {
      return readFileSync(`${ZONES}/${zone}`).equals(content)
    } catch {
      return false
    }
  }
  return zones.find(isSame) ?? null
}

/** Rules that are those of a zone, by that zone; without the part after the comma, too. */
const RULES: Readonly<Record<string, string>> = {
  'CET-1CEST,M3.5.0,M10.5.0/3': 'CET',
  'MET-1MEST,M3.5.0,M10.5.0/3': 'MET',
  'EET-2EEST,M3.5.0/3,M10.5.0/4': 'EET',
  'WET0WEST,M3.5.0/1,M10.5.0': 'WET',
  'GMT0BST,M3.5.0/1,M10.5.0': 'Europe/London',
  'EST5EDT,M3.2.0,M11.1.0': 'EST5EDT',
  'CST6CDT,M3.2.0,M11.1.0': 'CST6CDT',
  'MST7MDT,M3.2.0,M11.1.0': 'MST7MDT',
  'PST8PDT,M3.2.0,M11.1.0': 'PST8PDT',
}

/** `JST-9`, `<+03>-3`, `CET-1CEST,M3.5.0,M10.5.0/3`: a rule has no name, but some mean a zone that has one. */
function zoneOfRule(rule: string): string | null {
  const found = Object.keys(RULES).find((known) => known === rule || known.split(',')[0] === rule)
  if (found !== undefined) return RULES[found]!
  const [, sign, hours] = /^(?:[A-Za-z]{3,}|<[A-Za-z\d+-]{3,}>)([+-]?)(\d{1,2})(?::00)*$/.exec(rule) ?? []
  if (hours === undefined) return null
  // In both, more than 0 is west of Greenwich.
  return Number(hours) === 0 ? 'UTC' : known(`Etc/GMT${sign === '-' ? '-' : '+'}${Number(hours)}`)
}
