/** Invariants of every frame that the source yields, whatever the lines were. */
import { CONNECTION, CONTROL, EXCLUDED, LOSS, ROUTE, type Counter } from '../../src/frame/model/counters.ts'
import type { Codes, Distribution, SecondFrame, TrafficRow } from '../../src/frame/model/frame.ts'
import { BUCKETS } from '../../src/frame/model/histogram.ts'
import { Broken } from './target.ts'

/** 2200-01-01, µs */
const LATEST = 7_258_118_400_000_000
const LONGEST_TEXT = 4096
const LISTS: readonly (readonly Counter[])[] = [ROUTE, CONNECTION, LOSS, EXCLUDED, CONTROL]
const LATER = new Set(
  LISTS.flat()
    .filter(({ since }) => since === 'later')
    .map(({ name }) => name),
)

export function checkFrame(frame: SecondFrame, seq: number): void {
  check(frame.seq === seq, 'ticks are numbered in sequence')
  wall(frame.start)
  count(frame.length, 'length')
  counts(frame.cost)
  check(frame.length > 0, 'a tick has a length')
  wall(frame.start + frame.length)
  check(frame.mono >= 0n && frame.mono < 2n ** 63n, 'the monotonic clock has 63 bits')
  for (const group of [frame.loss, frame.excluded, frame.control]) counts(group)
  const pairs = new Set<string>()
  for (const row of frame.traffic) {
    const pair = JSON.stringify([row.backend.netns, row.backend.address, row.route.method, row.route.path])
    check(!pairs.has(pair), 'a backend and route is one row')
    pairs.add(pair)
    checkTraffic(row)
  }
  for (const { backend, connect, ...rest } of frame.connections) {
    text(backend.address)
    counts(rest)
    checkDistribution(connect)
  }
  const carried = new Set<string>()
  for (const { backend, wire, ...rest } of frame.wires ?? []) {
    const pair = JSON.stringify([backend.netns, backend.address, wire.address])
    check(!carried.has(pair), 'a backend and wire address is one row')
    carried.add(pair)
    text(wire.address)
    counts(rest)
  }
  for (const { backend, route, at, outcome, header, total } of frame.requests) {
    for (const word of [backend.address, route.method, route.path]) text(word)
    wall(at)
    check(
      typeof outcome === 'string' || (outcome >= 0 && outcome <= 999),
      'an outcome is a code or a failure',
    )
    count(header ?? 0, 'header')
    count(total ?? 0, 'total')
  }
  const sum = frame.traffic.reduce((all, row) => all + row.requests + row.answered + row.header.sum, 0)
  count(sum, 'the sum of a tick')
}

function checkTraffic(row: TrafficRow): void {
  for (const word of [row.backend.address, row.route.method, row.route.path]) text(word)
  for (const name of ROW_COUNTS) count(row[name], name)
  counts(row.failures)
  checkCodes(row.codes)
  checkCodes(row.grpc ?? [])
  checkDistribution(row.header)
  checkDistribution(row.total)
}

const ROW_COUNTS = [
  'requests',
  'answered',
  'interim',
  'retransmits',
  'retries',
  'bodyReset',
  'inFlight',
  'oldest',
] as const

function checkCodes(codes: Codes): void {
  check(codes.length % 2 === 0, 'codes are pairs')
  for (let i = 0; i < codes.length; i += 2) {
    count(codes[i]!, 'a code')
    count(codes[i + 1]!, 'answers')
    check(codes[i]! <= 999, 'a code has three digits')
    check(i === 0 || codes[i]! > codes[i - 2]!, 'codes are sorted')
  }
}

function checkDistribution(distribution: Distribution): void {
  const { sum, sampled, min, max, buckets } = distribution
  count(distribution.count, 'count')
  count(sum, 'sum')
  count(sampled, 'sampled')
  count(min ?? 0, 'min')
  count(max ?? 0, 'max')
  check((min === null) === (max === null), 'min and max come together')
  check(buckets.length % 2 === 0, 'buckets are pairs')
  for (let i = 0; i < buckets.length; i += 2) {
    count(buckets[i]!, 'a bucket')
    count(buckets[i + 1]!, 'samples')
    check(buckets[i]! < BUCKETS, 'a bucket lies within the histogram')
    check(i === 0 || buckets[i]! > buckets[i - 2]!, 'buckets are sorted')
  }
}

/** A counter that the helper lacks is null. */
function counts(of: object): void {
  for (const [name, value] of Object.entries(of)) if (value !== null || !LATER.has(name)) count(value, name)
}

/** The message is built only on failure: this check takes most of the fuzzer's time. */
function count(value: unknown, name: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new Broken(`${name} is a whole number, not negative`)
}

function wall(at: number): void {
  check(Number.isSafeInteger(at) && at >= 0 && at < LATEST, 'a wall clock lies in 1970–2200')
}

function text(word: string): void {
  check(typeof word === 'string' && word.length <= LONGEST_TEXT, 'a name is a text of at most 4 KB')
  check(!LONE_SURROGATE.test(word), 'a name can be stored')
}

const LONE_SURROGATE = /\p{Surrogate}/u

function check(condition: boolean, words: string): void {
  if (!condition) throw new Broken(words)
}
