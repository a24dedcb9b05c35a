/** Mutations of wire lines: bytes, tokens, JSON, and valid rows with wrong values. */
import { GRPC } from '../../src/record/rows.generated.ts'
import type { Chance } from './chance.ts'

/** Returns the mutated line. */
export type Mutation = (line: string, chance: Chance, others: readonly string[]) => string

export const mutate: Mutation = (line, chance, others) => {
  const mutation = chance.pick(ALL)
  const once = mutation(line, chance, others)
  return chance.chance(0.25) ? mutate(once, chance, others) : once
}

/* ---- bytes ---- */

const flipBits: Mutation = (line, chance) => {
  const bytes = Buffer.from(line)
  if (bytes.length === 0) return line
  for (let i = chance.between(1, 4); i > 0; i--) bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8)
  return bytes.toString()
}

const truncate: Mutation = (line, chance) => line.slice(0, chance.below(line.length + 1))

const splice: Mutation = (line, chance, others) => {
  const other = chance.pick(others)
  return line.slice(0, chance.below(line.length + 1)) + other.slice(chance.below(other.length + 1))
}

const insertBytes: Mutation = (line, chance) => {
  const at = chance.below(line.length + 1)
  const inserted = chance.pick<() => string>([
    () => chance.bytes(chance.between(1, 40)).toString('latin1'),
    () =>
      chance.pick([
        '\0',
        '\u001b[2J',
        '\r',
        '\u2028',
        '}',
        ']',
        ',',
        '"',
        '\\u0000',
        '\\ud800',
        ' '.repeat(chance.size(3000)),
      ]),
    () => '['.repeat(chance.size(20_000)),
    () => '{"a":'.repeat(chance.size(5000)),
  ])()
  return line.slice(0, at) + inserted + line.slice(at)
}

const garbage: Mutation = (_line, chance) =>
  chance.pick<() => string>([
    () => '',
    () => 'null',
    () => '{}',
    () => '[]',
    () => '"hello"',
    () => '1e999',
    () => '{"type":"hello"}',
    () => '{"type":"snapshot"}',
    () => '{"type":"constructor"}',
    () => '{"__proto__":{"type":"bye","reason":"x"}}',
    () => 'Welcome to web1',
    () => chance.bytes(chance.size(4000)).toString('latin1').replaceAll('\n', ' '),
    () => '['.repeat(chance.size(30_000)),
  ])()

/* ---- tokens ---- */

const NUMBER = /-?\d+(\.\d+)?/g

const replaceNumber: Mutation = (line, chance) => {
  const places = [...line.matchAll(NUMBER)]
  if (places.length === 0) return line
  const { index, 0: text } = chance.pick(places)
  return line.slice(0, index) + chance.pick(RAW_NUMBERS) + line.slice(index + text.length)
}

const swapTokens: Mutation = (line, chance) => {
  const tokens = line.split(/([,:[\]{}])/)
  const [a, b] = [chance.below(tokens.length), chance.below(tokens.length)]
  ;[tokens[a], tokens[b]] = [tokens[b]!, tokens[a]!]
  return tokens.join('')
}

const RAW_NUMBERS = [
  ...[
    '-1',
    '0',
    '-0',
    '1.5',
    '1e308',
    '1e999',
    '-1e999',
    '1e-7',
    'NaN',
    'Infinity',
    'null',
    '00',
    '0x10',
    '--1',
    'true',
  ],
  ...[
    2 ** 31,
    2 ** 32,
    2 ** 40,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    447,
    448,
    465,
    479,
    480,
    65_535,
    1e15,
    7e15,
  ].map(String),
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
    '99999999999999999999999999',
    '7258118400000000',
  ],
]

/* ---- JSON ---- */

type Json = null | boolean | number | string | Json[] | JsonObject
interface JsonObject {
  [name: string]: Json
}

interface Place {
  readonly parent: Json[] | JsonObject
  readonly key: number | string
}

const changeNode: Mutation = (line, chance) => {
  const whole = parsed(line)
  if (whole === undefined) return line
  const places = placesOf(whole)
  if (places.length === 0) return line
  for (let i = chance.between(1, 3); i > 0; i--) change(chance.pick(places), places, chance)
  return stringOf(whole)
}

function change({ parent, key }: Place, places: readonly Place[], chance: Chance): void {
  const set = (value: Json): void => {
    if (Array.isArray(parent)) parent[Number(key)] = value
    else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true })
  }
  const get = ({ parent: of, key: at }: Place): Json =>
    structuredClone((of as Record<string, Json>)[String(at)] ?? null)
  chance.pick<() => void>([
    () => (Array.isArray(parent) ? parent.splice(Number(key), 1) : Reflect.deleteProperty(parent, key)),
    () => (Array.isArray(parent) ? parent.splice(Number(key), 0, get({ parent, key })) : set(null)),
    () => set(oddValue(chance)),
    () => set(oddValue(chance)),
    () => set(get(chance.pick(places))),
    () => {
      if (!Array.isArray(parent))
        parent[chance.pick(['type', 'id', 'x', '__proto__', 'final'])] = oddValue(chance)
      else parent.push(oddValue(chance))
    },
  ])()
}

/** A string that `stringOf` writes without quotes. */
const raw = (text: string): string => `@@${text}@@`
const stringOf = (value: Json): string => JSON.stringify(value).replace(/"@@(.*?)@@"/g, '$1')

export const ODD_TEXTS: readonly string[] = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1.5',
    '1e9',
    '0x10',
    'x',
    '9007199254740993',
    '18446744073709551616',
    '9'.repeat(400),
  ],
  ...[
    '\u001b[2J\u001b]0;owned\u0007',
    '\0',
    'a\0b',
    '\n',
    '\r\n',
    '\ud800',
    '\udc00\ud800',
    '\u202e',
    '\u009b31m',
    '\ufeff',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '{"a":1}',
    "'; DROP TABLE tick; --",
    '😀'.repeat(50),
    'x'.repeat(4097),
  ],
  ...['x'.repeat(100_000), '\u0001'.repeat(3000), '/a b', 'GET /x', '10.0.0.1:80'],
]

function oddValue(chance: Chance): Json {
  return chance.pick<() => Json>([
    () => null,
    () => chance.chance(0.5),
    () => raw(chance.pick(RAW_NUMBERS)),
    () => raw(chance.pick(RAW_NUMBERS)),
    () => chance.pick(ODD_TEXTS),
    () => chance.pick(ODD_TEXTS),
    () => [],
    () => ({}),
    () => new Array<Json>(chance.size(20_000)).fill(chance.pick([0, 1, -1, null, 'x', []])),
    () => raw('['.repeat(chance.size(3000))),
    () => raw('[[[[[[[[[[[[]]]]]]]]]]]]'),
    () => ({ length: 3, map: 1, type: 'snapshot' }),
  ])()
}

/* ---- wrong values of the right type ---- */

/** Puts values into a snapshot that have the right type but are impossible. */
const falsify: Mutation = (line, chance) => {
  const whole = parsed(line)
  if (whole === undefined || whole === null || Array.isArray(whole) || typeof whole !== 'object') return line
  const rows = [whole.traffic, whole.connections, whole.requests, whole.wires].filter((list) =>
    Array.isArray(list),
  )
  const some = rows.filter((list) => list.length > 0)
  const row = some.length === 0 ? null : chance.pick(chance.pick(some))
  const big = chance.pick([2 ** 31, 2 ** 45, 2 ** 52, 2 ** 53 - 1])
  chance.pick<() => void>([
    () => (whole.wall_us = chance.pick([0, -1, 1, 7_258_118_399_999_999, 7_258_118_400_000_000, big])),
    () =>
      (whole.mono_ns = chance.pick(['0', '1', '9223372036854775807', '9223372036854775808', String(big)])),
    () => (whole.boot_ns = chance.pick(['0', '9223372036854775807', String(big)])),
    () => (whole.final = true),
    () => {
      if (Array.isArray(whole.traffic)) whole.traffic.push(...structuredClone(whole.traffic))
    },
    () => {
      if (Array.isArray(row)) row[chance.below(row.length)] = big
    },
    () => {
      if (Array.isArray(row)) row[0] = chance.pick([7, 8, 9, 10, 11, 999, -1])
    },
    () => {
      if (Array.isArray(row)) for (let i = 1; i < row.length; i++) if (typeof row[i] === 'number') row[i] = 0
    },
    () => {
      if (Array.isArray(row)) row[row.length - 1] = chance.pick<Json>(HISTOGRAMS)
    },
    () => {
      if (Array.isArray(row) && row.length > 15) row[15] = chance.pick<Json>(CODES)
    },
    () => {
      if (Array.isArray(row) && row.length > GRPC) row[GRPC] = chance.pick<Json>(CODES)
    },
    () => {
      if (Array.isArray(whole.requests))
        for (const request of whole.requests)
          if (Array.isArray(request)) request[2] = chance.pick([0, 99, 100, 999, 1000, -5, big])
    },
    () => (whole.id = chance.pick([0, 1, 2, 7, 8, 999, big])),
    () => (whole.address = chance.pick(ODD_TEXTS)),
    () => (whole.path = chance.pick(ODD_TEXTS)),
    () => (whole.method = chance.pick(ODD_TEXTS)),
  ])()
  return stringOf(whole)
}

const HISTOGRAMS: readonly Json[] = [
  [1],
  [1, 5, 5],
  [1, 5, 5, 464, 1],
  [1, 5, 5, 463, 1],
  [2, 5, 5, 9, 1, 3, 1],
  [2, 5, 5, 3, 1, 3, 1],
  [1, 9, 5, 5, 1],
  [1, 5, 5, 5],
  [1, 5, 5, 5, 0],
  [1, 5, 5, 1e9, 1],
  [2 ** 53 - 1, 0, 2 ** 53 - 1, 5, 2 ** 53 - 1],
]

const CODES: readonly Json[] = [
  [200],
  [200, 1, 200, 2],
  [99, 1],
  [1000, 1],
  [0, 1],
  [200, -1],
  [200, 2 ** 53 - 1],
  [600, 5],
]

const ALL: readonly Mutation[] = [
  flipBits,
  truncate,
  splice,
  insertBytes,
  garbage,
  replaceNumber,
  replaceNumber,
  swapTokens,
  changeNode,
  changeNode,
  changeNode,
  falsify,
  falsify,
  falsify,
]

/* ---- */

function parsed(line: string): Json | undefined {
  try {
    return JSON.parse(line) as Json
  } catch {
    return undefined
  }
}

/** Only the upper levels of a deep value. */
function placesOf(value: Json, places: Place[] = [], depth = 0): Place[] {
  if (typeof value !== 'object' || value === null || depth > 6) return places
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value)
  for (const key of keys) {
    if (places.length > 5000) break
    places.push({ parent: value, key })
    placesOf((value as Record<string, Json>)[String(key)] ?? null, places, depth + 1)
  }
  return places
}
