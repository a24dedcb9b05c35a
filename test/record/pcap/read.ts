/** A capture read by the machine, as frames summed up. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecondFrame } from '../../../src/frame/model/frame.ts'
import { openCaptureFile } from '../../../src/record/pcap/capture-file.ts'
import type { CaptureFileOptions } from '../../../src/record/pcap/reading.ts'
import { readSource } from '../../../src/record/source.ts'

export const CAPTURE_DEFAULTS: Omit<CaptureFileOptions, 'file'> = {
  clients: [],
  serverPorts: [],
  only: [],
  ignore: [],
  rawRoutes: false,
  requests: 1000,
}

export interface ReadCapture {
  readonly frames: readonly SecondFrame[]
  readonly notes: readonly string[]
  /** "BACKEND METHOD ROUTE CODE": count; failures by their word instead of a code */
  readonly counts: Readonly<Record<string, number>>
  readonly hasBye: boolean
}

export async function readCapture(
  file: string,
  options: Partial<CaptureFileOptions> = {},
  stdin?: AsyncIterable<Uint8Array>,
): Promise<ReadCapture> {
  const { lines } = openCaptureFile(
    { ...CAPTURE_DEFAULTS, ...options, file },
    () => undefined,
    stdin && (() => stdin),
  )
  const frames: SecondFrame[] = []
  const notes: string[] = []
  const counts: Record<string, number> = {}
  let hasBye = false
  const count = (key: string, n: number): void => {
    if (n > 0) counts[key] = (counts[key] ?? 0) + n
  }
  for await (const event of readSource(lines)) {
    if (event.kind === 'marker') notes.push(event.marker.text)
    if (event.kind === 'bye') hasBye = true
    if (event.kind === 'skipped') throw new Error(`${event.skipped.lines} lines, ${event.skipped.rows} rows`)
    if (event.kind !== 'frame') continue
    frames.push(event.frame)
    for (const { backend, route, codes, failures } of event.frame.traffic) {
      const name = `${backend.address} ${route.method} ${route.path}`
      for (let i = 0; i < codes.length; i += 2) count(`${name} ${codes[i]}`, codes[i + 1]!)
      for (const [word, n] of Object.entries(failures) as [string, number][]) count(`${name} ${word}`, n)
    }
    for (const { backend, connects, refused } of event.frame.connections) {
      count(`${backend.address} connects`, connects)
      count(`${backend.address} refused`, refused)
    }
  }
  return { frames, notes, counts, hasBye }
}

/** The same of bytes. */
export async function readBytes(
  bytes: Buffer,
  options: Partial<CaptureFileOptions> = {},
): Promise<ReadCapture> {
  const folder = mkdtempSync(join(tmpdir(), 'upstreamtop-pcap-'))
  try {
    const file = join(folder, 'x.pcap')
    writeFileSync(file, bytes)
    return await readCapture(file, options)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
