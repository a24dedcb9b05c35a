/**
 * node --import tsx scripts/compare-captures.ts FILE…: what tshark counts in captures, and what `record --pcap` does: methods of requests,
 * status codes of answers. docs/captures.md says why they may differ.
 */
import { execFileSync } from 'node:child_process'
import { basename } from 'node:path'
import type { SecondFrame } from '../src/frame/model/frame.ts'
import { ofFrame, sumOf } from '../src/frame/sum/merge.ts'
import { openCaptureFile } from '../src/record/pcap/capture-file.ts'
import { readSource } from '../src/record/source.ts'

type Counted = ReadonlyMap<string, number>

interface Side {
  readonly methods: Counted
  readonly codes: Counted
  /** what it says of its own numbers */
  readonly remarks: readonly string[]
}

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('compare-captures.ts: name captures, as in: make capture-compare FILES="a.pcap b.pcapng"')
  process.exit(2)
}
let equal = 0
for (const file of files) {
  const ours = await byUpstreamtop(file)
  // It gives up what lies behind a lost segment with the option, and what came in another order without.
  const theirs = [byTshark(file), byTshark(file, '-o', 'tcp.reassemble_out_of_order:TRUE')]
  const isEqual = theirs.some((side) => inWords(side) === inWords(ours))
  equal += isEqual ? 1 : 0
  console.log(`${isEqual ? 'equal    ' : 'different'} ${basename(file)}`)
  if (!isEqual) console.log(`  tshark       ${inWords(theirs[0]!)}`)
  console.log(`  ${isEqual ? 'both        ' : 'upstreamtop '} ${inWords(ours)}`)
  for (const remark of ours.remarks) console.log(`  upstreamtop says: ${remark}`)
}
console.log(`${equal} of ${files.length} are equal`)

/** Of a packet with several messages the values are joined by a comma. Interim answers (1xx, but for 101) are in neither. */
function byTshark(file: string, ...options: readonly string[]): Side {
  const fields = ['-T', 'fields', '-e', 'http.request.method', '-e', 'http.response.code']
  const lines = execFileSync('tshark', ['-n', '-r', file, ...options, '-Y', 'http', ...fields], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 30,
  }).split('\n')
  const column = (index: number): Counted =>
    counted(lines.flatMap((line) => (line.split('\t')[index] ?? '').split(',')).filter((word) => word !== ''))
  const codes = new Map([...column(1)].filter(([code]) => code === '101' || !code.startsWith('1')))
  return { methods: column(0), codes, remarks: [] }
}

async function byUpstreamtop(file: string): Promise<Side> {
  const { lines } = openCaptureFile(
    { file, clients: [], serverPorts: [], only: [], ignore: [], rawRoutes: true, requests: 0 },
    () => undefined,
  )
  const frames: SecondFrame[] = []
  const remarks: string[] = []
  for await (const event of readSource(lines)) {
    if (event.kind === 'frame') frames.push(event.frame)
    if (event.kind === 'marker') remarks.push(event.marker.text)
  }
  const { backends, totals, loss } = sumOf(frames.map(ofFrame))
  const methods = new Map<string, number>()
  const codes = new Map<string, number>()
  for (const { routes } of backends)
    for (const { route, requests, codes: of } of routes) {
      add(methods, route.method, requests)
      for (let at = 0; at < of.length; at += 2) add(codes, String(of[at]), of[at + 1]!)
    }
  const doubts = [
    ...Object.entries(loss),
    ['unseen', totals.unseen],
    ['interim', totals.interim],
    ...Object.entries(totals.connection).filter(([name]) =>
      /^(tls|h2|fastcgi|uwsgi|scgi|memcached|other)Connects$/.test(name),
    ),
  ] as const
  const said = doubts.filter(([, n]) => n !== 0).map(([name, n]) => `${name} ${String(n)}`)
  return { methods, codes, remarks: [...(said.length > 0 ? [said.join(', ')] : []), ...remarks] }
}

function counted(words: readonly string[]): Counted {
  const counts = new Map<string, number>()
  for (const word of words) add(counts, word, 1)
  return counts
}

function add(to: Map<string, number>, word: string, n: number): void {
  if (n > 0) to.set(word, (to.get(word) ?? 0) + n)
}

function inWords({ methods, codes }: Side): string {
  const words = (counts: Counted): string =>
    [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([word, n]) => `${word} ${n}`)
      .join(', ') || 'none'
  return `requests ${words(methods)}; answers ${words(codes)}`
}
