/** Figures as cells of every screen: the text, and a style that shows whether the figure is good. */
import { micros, SECOND, type Micros } from '../frame/model/units.ts'
import type { Figures, GrpcShare } from '../frame/views/figures.ts'
import type { BackendLine } from '../frame/views/leaderboard.ts'
import { lineWidth, span, type Line, type Span, type Style } from './line.ts'
import { bytes, count, latency, NOTHING, percent, rate } from './quantities.ts'

/** The help names these limits: yellow from SLOW, red from VERY_SLOW. */
export const SLOW: Micros = micros(100_000)
const VERY_SLOW: Micros = SECOND
/** A row is marked with `!` when this share of its attempts got a 5xx or no answer. */
export const TROUBLE = 0.05

export const rateCell = (figures: Figures): Span => span(rate(figures.rps), 'bold')
export const percentCell = (ratio: number | null): Span => span(percent(ratio))

export function latencyCell(value: number | null, thinned = false): Span {
  if (value === null) return span(latency(null), 'dim')
  const style: Style = value >= VERY_SLOW ? 'bad' : value >= SLOW ? 'warn' : 'plain'
  return span(`${thinned ? '~' : ''}${latency(micros(value))}`, style)
}

/** Open requests, and the age of the oldest from 1 s on: `12`, `12 8.1s`. */
export function inFlightCell({ inFlight, oldest }: Figures): Span {
  if (inFlight === 0) return span('0', 'dim')
  if (oldest < SECOND) return span(count(inFlight))
  return span(`${count(inFlight)} ${latency(oldest)}`, oldest >= 10 * SECOND ? 'bad' : 'warn')
}

export const countCell = (value: number, style: Style = 'plain'): Span =>
  value === 0 ? span('0', 'dim') : span(count(value), style)

export const unknownCell: Span = span(NOTHING, 'dim')

export const bytesCell = (value: number | null): Span =>
  value === null ? unknownCell : span(bytes(value), value === 0 ? 'dim' : 'plain')

/** `2xx 88% 5xx 12% 3 reset`, of gRPC `OK 98% UNAVAILABLE 2%`, in at most `width` cells. */
export function statusCells(figures: Figures, backend: Unread | null, width: number): Line {
  if (backend?.unread === true) return unreadCells(figures, backend, width)
  const failures = figures.failureKinds.map(failurePiece)
  const { grpc } = figures
  if (figures.isGrpc && grpc !== null && grpc.length > 0)
    return fitting([...grpcPieces(grpc, width), ...failures], width)
  const pieces = [...figures.classes.map(classPiece), ...failures]
  if (pieces.length === 0 && figures.inFlight > 0) return [span('no answer yet', 'dim')]
  return fitting(pieces, width)
}

/** Of errors the most frequent is the last to go. Where its name has no room, all of them are `err`. */
function grpcPieces(grpc: readonly GrpcShare[], width: number): readonly Piece[] {
  const ok = grpc.filter(({ status }) => status === 0).map(okPiece)
  const errors = grpc.filter(({ status }) => status !== 0)
  const named = errors.map(errorPiece)
  if (errors.length === 0 || lineWidth(spaced([...ok, named[0]!])) <= width) return [...ok, ...named]
  return [...ok, errorPiece({ name: 'err', ratio: errors.reduce((sum, { ratio }) => sum + ratio, 0) }, 0)]
}

/** Without enough room the pieces of the lowest rank are kept. */
function fitting(pieces: readonly Piece[], width: number): Line {
  if (lineWidth(spaced(pieces)) <= width) return spaced(pieces)
  const kept = new Set<Piece>()
  for (const piece of [...pieces].sort((a, b) => a.rank - b.rank)) {
    const candidate = pieces.filter((other) => kept.has(other) || other === piece)
    if (lineWidth(spaced(candidate)) <= width) kept.add(piece)
  }
  return spaced(pieces.filter((piece) => kept.has(piece)))
}

type Unread = Pick<BackendLine, 'unread' | 'protocol' | 'opaque' | 'openConnections'>

/**
 * What the requests are that cannot be read, how many connections are open, what passes on them, and how connecting failed: as much
 * as there is room for, and the failures first.
 */
function unreadCells(figures: Figures, backend: Unread, width: number): Line {
  const failures = spaced(figures.failureKinds.map(failurePiece))
  const kinds = unreadTexts(backend)
  const facts = unreadFacts(figures, backend)
  const lines = [
    ...kinds.map((kind) => [kind, ...facts]),
    ...facts.map((_, i) => [kinds.at(-1)!, ...facts.slice(0, -1 - i)]),
  ].map((texts): Line => {
    const pieces = spaced(
      texts.map((text, i) => ({ spans: [span(text, i === 0 ? 'warn' : 'plain')], rank: 0 })),
    )
    return failures.length === 0 ? pieces : [...pieces, span(' '), ...failures]
  })
  const fitting = lines.find((line) => lineWidth(line) <= width)
  return fitting ?? (failures.length === 0 ? lines.at(-1)! : failures)
}

/** The longest first. */
function unreadTexts({ protocol, opaque }: Unread): readonly string[] {
  if (protocol !== null) return [`requests not readable (${protocol})`, `unread (${protocol})`, protocol]
  if (opaque === 0) return ['requests not readable', 'unread']
  return [`opaque: ${count(opaque)} ${opaque === 1 ? 'flow' : 'flows'} of TLS or h2`, 'opaque (TLS/h2)']
}

const unreadFacts = ({ byteRate }: Figures, { openConnections }: Unread): readonly string[] => [
  ...(openConnections ? [`${count(openConnections)} open`] : []),
  ...(byteRate ? [`${bytes(Math.ceil(byteRate))}/s`] : []),
]

interface Piece {
  readonly spans: Line
  /** the lowest is kept if only one piece fits */
  readonly rank: number
}

const RANKS: Readonly<Record<string, number>> = { '5xx': 0, '2xx': 1, '4xx': 3, '3xx': 4, '1xx': 5 }
const STYLES: Readonly<Record<string, Style>> = { '2xx': 'good', '4xx': 'warn', '5xx': 'bad' }

const classPiece = ({ name, ratio }: Figures['classes'][number]): Piece => ({
  spans: [span(name, STYLES[name] ?? 'plain'), span(` ${percent(ratio)}`)],
  rank: RANKS[name] ?? 5,
})

const okPiece = ({ name, ratio }: Pick<GrpcShare, 'name' | 'ratio'>): Piece => ({
  spans: [span(name, 'good'), span(` ${percent(ratio)}`)],
  rank: 1,
})

/** @param i its place, the most frequent first */
const errorPiece = ({ name, ratio }: Pick<GrpcShare, 'name' | 'ratio'>, i: number): Piece => ({
  spans: [span(name, 'bad'), span(` ${percent(ratio)}`)],
  rank: i === 0 ? 0 : 2 + i,
})

/** Of those that ended, 0–1; null: there were none, or that is unknown. */
export function grpcErrorShare({ grpc }: Figures): number | null {
  if (grpc === null || grpc.length === 0) return null
  const ok = grpc.find(({ status }) => status === 0)
  return 1 - (ok?.ratio ?? 0)
}

const failurePiece = (failure: Figures['failureKinds'][number]): Piece => ({
  spans: [span(`${count(failure.count)} ${failure.kind}`, 'bad')],
  rank: 2,
})

const spaced = (pieces: readonly Piece[]): Line =>
  pieces.flatMap(({ spans }, i) => (i === 0 ? spans : [span(' '), ...spans]))
