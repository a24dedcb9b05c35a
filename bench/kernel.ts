/**
 * What recording costs nginx, as ratios where possible:
 *   1. per packet: BPF_PROG_TEST_RUN, over a null program (bench/kernel/testrun.c)
 *   2. per request: CPU of all processes, nginx's throughput, and its p99 at a fixed rate, with a null program, the recorder,
 *   tcpdump, an access log
 *   3. the recorder: CPU of its two processes at 10,000 requests per second, and idle
 *   4. per request where each one connects: the hooks on sockets, too
 *   5. both ways of attaching beside each other: packets and requests
 * ONLY=packets|requests|ways runs one part. Defaults: ROUNDS=96 SLICE_MS=250 PACED_ROUNDS=48 PACED_SECONDS=1 RATE=4000 CONNECT_ROUNDS=32 WAY_ROUNDS=24; takes about 16 minutes. Each round loads every
 * condition; ratios compare neighbouring loads. Needs an otherwise idle machine, and warns if it is not.
 */
import { lacking } from '../test/kernel/lab/system.ts'
import { packets } from './kernel/packets.ts'
import { requests } from './kernel/requests.ts'
import { compareWays } from './kernel/ways.ts'

const reason = lacking('tcpdump', 'gcc', 'clang')
if (reason !== false) throw new Error(`bench-kernel ${reason}`)
const parts = { packets, requests, ways: compareWays }
const only = process.env.ONLY as keyof typeof parts | undefined
for (const part of only === undefined ? Object.values(parts) : [parts[only]]) await part()
