/**
 * What recording costs nginx. Three questions, answered by ratios where they can be:
 *   1. a packet: BPF_PROG_TEST_RUN over a null program (bench/kernel/testrun.c)
 *   2. a request: CPU of everything, nginx's throughput, and its p99 at a fixed rate, with a null program, the whole recorder,
 *      tcpdump, an access log
 *   3. the recorder itself: its two processes' CPU at 10,000 requests a second, and with nothing to record
 * ROUNDS=96 SLICE_MS=250 PACED_ROUNDS=48 PACED_SECONDS=1 RATE=4000 by default, about a quarter of an hour. A round loads every
 * condition; ratios are of neighbours in time. Wants a machine of its own, and says when it had none.
 */
import { lacking } from '../test/kernel/lab/system.ts'
import { packets } from './kernel/packets.ts'
import { requests } from './kernel/requests.ts'

const reason = lacking('tcpdump', 'gcc', 'clang')
if (reason !== false) throw new Error(`bench-kernel ${reason}`)
await packets()
await requests()
