/** Copies ranges of a recording into a new one, and checks it by reading it again. */
import { rmSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { usageError } from '../../errors.ts'
import type { Backend, Marker, Route, SecondFrame } from '../../frame/model/frame.ts'
import type { SeqRange } from '../../frame/model/recording.ts'
import { equalWires } from '../../frame/sum/wire-sums.ts'
import type { TimeSpan } from '../../frame/time/time.ts'
import { Yielder, interruptible } from '../../interruption.ts'
import type { RecordingMeta } from '../format/meta.ts'
import { openRecording, type StoredRecording } from '../read/reader.ts'
import { integer, scalar } from '../sqlite/database.ts'
import { copyFrames, factsOf, type Copied, type FileFacts, type Progress } from './copy.ts'
import { Redactor, type Redactable } from './redact.ts'

export interface CutRequest {
  readonly ranges: readonly SeqRange[]
  readonly span: TimeSpan
  /** whether a row is kept; null: all rows are. The connections of a backend have no route. */
  readonly keeps: ((row: { readonly backend: Backend; readonly route: Route | null }) => boolean) | null
  /** `keeps` tests routes, too: what packets carried is not kept by route, so the cut does not know it */
  readonly byRoute?: boolean
  readonly redact: ReadonlySet<Redactable>
  /** bytes; the request ring is thinned until it fits */
  readonly maxSize: number | null
  readonly out: string
}

export interface CutResult extends FileFacts {
  readonly ticks: number
  readonly lost: number
  /** backends in the cut; 0 if no row matches */
  readonly backends: number
  readonly span: TimeSpan
  /** the share of the listed requests that is kept: 1 unless they are thinned */
  readonly ringShare: number
}

const MAX_PASSES = 5

/** @throws UserError if the file exists, or the counters alone are larger than maxSize */
export const cutRecording = (
  source: StoredRecording,
  request: CutRequest,
  { signal, report }: Progress,
): Promise<CutResult> =>
  interruptible(signal, (stop) => cutUntilItFits(source, request, { signal: stop, report }))

async function cutUntilItFits(
  source: StoredRecording,
  request: CutRequest,
  progress: Progress,
): Promise<CutResult> {
  let share = 1
  for (let pass = 1; ; pass++) {
    const result = await cutOnce(source, request, share, progress)
    const { maxSize, out } = request
    if (maxSize === null || result.bytes <= maxSize) return result
    const ring = ringBytes(out)
    rmSync(out)
    if (share === 0 || result.bytes - ring > maxSize) {
      throw usageError(
        `--max-size: the counters alone take ${result.bytes - ring} bytes`,
        'Take a shorter range, or leave out backends or routes.',
      )
    }
    const room = maxSize - (result.bytes - ring)
    share = pass >= MAX_PASSES ? 0 : share * Math.min(0.9, (0.9 * room) / ring)
  }
}

async function cutOnce(
  source: StoredRecording,
  request: CutRequest,
  share: number,
  progress: Progress,
): Promise<CutResult> {
  const { ranges, out, redact, span } = request
  const names = source.names()
  const redactor = new Redactor(redact, names)
  const change = (frame: SecondFrame): SecondFrame =>
    redactor.frame(thinOut(selectRows(frame, request), share))
  const inSpan = source.markers.filter(({ at }) => at >= span.from && at < span.to)
  const markers: readonly Marker[] = redact.size > 0 ? inSpan.map(redactor.marker) : inSpan
  const meta = metaOf(source, request, redactor)
  const copied = await copyFrames({ source, ranges, out, meta, frame: change, markers }, progress)
  const { ticks, lost, sum } = copied
  try {
    await verify(out, copied, new Yielder(progress.signal))
    const facts = await factsOf(out, progress.signal)
    return { ticks, lost, backends: sum.backends.length, ...facts, span, ringShare: share }
  } catch (error) {
    rmSync(out)
    throw error
  }
}

function metaOf({ info }: StoredRecording, { keeps, redact }: CutRequest, redactor: Redactor): RecordingMeta {
  const isRedacted = redact.size > 0
  return {
    host: redactor.host(info.host),
    timeZone: info.timeZone,
    kernel: info.kernel,
    arguments: isRedacted ? [] : info.arguments,
    runs: isRedacted ? undefined : info.runs,
    interfaces: isRedacted ? [] : info.interfaces,
    unseen: isRedacted ? [] : (info.unseen ?? []),
    tls: isRedacted ? [] : (info.tls ?? []),
    tool: info.tool,
    format: info.format,
    more: { cut: JSON.stringify({ rows: keeps === null ? 'all' : 'some', redacted: [...redact] }) },
  }
}

function selectRows(frame: SecondFrame, { keeps, byRoute = false }: CutRequest): SecondFrame {
  if (keeps === null) return frame
  return {
    ...frame,
    traffic: frame.traffic.filter(keeps),
    connections: frame.connections.filter(({ backend }) => keeps({ backend, route: null })),
    wires: byRoute ? null : (frame.wires?.filter(({ backend }) => keeps({ backend, route: null })) ?? null),
    requests: frame.requests.filter(keeps),
  }
}

/** Removes requests evenly; failures and 5xx are removed last. */
function thinOut(frame: SecondFrame, share: number): SecondFrame {
  if (share >= 1) return frame
  const room = Math.floor(frame.requests.length * share)
  const failed = frame.requests.filter(({ outcome }) => typeof outcome !== 'number' || outcome >= 500)
  const kept = new Set(failed.slice(0, room))
  const rest = frame.requests.filter((event) => !kept.has(event))
  const step = rest.length / Math.max(1, room - kept.size)
  for (let i = 0; kept.size < room && i < rest.length; i += step) kept.add(rest[Math.floor(i)]!)
  return { ...frame, requests: frame.requests.filter((event) => kept.has(event)) }
}

/** Opens the cut: every tick must be whole, and the sums must equal those of the frames read. */
async function verify(out: string, { ticks, sum }: Copied, yielder: Yielder): Promise<void> {
  const cut = openRecording(out)
  try {
    const { totals, wires } = cut.aggregate({ from: 0, to: ticks })
    let isWhole = cut.ticks.length === ticks
    for (const { seq } of cut.ticks) {
      isWhole &&= cut.isWhole(seq)
      if (yielder.isDue) await yielder.yield()
    }
    if (!isWhole || !isDeepStrictEqual(totals, sum.totals) || !equalWires(wires, sum.wires))
      throw new Error(`"${out}" differs from the frames that were cut`)
  } finally {
    cut.close()
  }
}

function ringBytes(file: string): number {
  const recording = openRecording(file)
  try {
    return recording.inspect(({ database }) =>
      integer(scalar(database, 'SELECT ifnull(sum(length(packed)), 0) FROM request_chunk')),
    )
  } finally {
    recording.close()
  }
}
