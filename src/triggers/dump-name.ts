/** What a dump is called: `HOST-20261128T093512Z-N.db`. */
import type { WallMicros } from '../frame/model/units.ts'

/** Of a host's name, so that there is room for the rest, characters. */
const HOST_KEPT = 100

/** No folder, no option, no hidden file: the name comes from whoever wrote the helper's lines. */
const hostPart = (host: string): string => {
  const plain = host.slice(0, HOST_KEPT).replace(/[^A-Za-z0-9._-]/g, '_')
  return /^[A-Za-z0-9_]/.test(plain) ? plain : `_${plain}`
}

/** @param at when it fired */
export const dumpName = (host: string, at: WallMicros, number: number): string =>
  `${hostPart(host)}-${new Date(at / 1000).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z-${number}.db`

/** While it is being cut. */
export const partName = (name: string): string => `.${name}.part`

export interface NamedDump {
  readonly name: string
  readonly time: string
  readonly number: number
}

/** The dumps of this host among these names, newest first. */
export function dumpsAmong(names: readonly string[], host: string): NamedDump[] {
  const start = `${hostPart(host)}-`
  return names
    .flatMap((name) => {
      if (!name.startsWith(start)) return []
      const [, time, number] = NAMED.exec(name.slice(start.length)) ?? []
      return time === undefined ? [] : [{ name, time, number: Number(number) }]
    })
    .sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.number - a.number))
}

/** What is left of dumps of this host that were not finished, with what lies beside them. */
export const partsAmong = (names: readonly string[], host: string): string[] =>
  names.filter((name) => {
    const [, dump] = PART.exec(name) ?? []
    return dump !== undefined && dumpsAmong([dump], host).length === 1
  })

const NAMED = /^(\d{8}T\d{6}Z)-(\d{1,9})\.db$/
const PART = /^\.(.+\.db)\.part$/
