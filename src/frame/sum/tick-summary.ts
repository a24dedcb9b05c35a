/** A frame's row of the tick table. */
import type { Counts, SecondFrame } from '../model/frame.ts'
import type { TickSummary } from '../model/recording.ts'
import { micros } from '../model/units.ts'
import { failedConnects, failedRequests } from './sums.generated.ts'

export function summaryOf(frame: SecondFrame): TickSummary {
  const sum = new TrafficSummary()
  for (const row of frame.traffic) sum.add(row)
  return sum.of(frame)
}

/**
 * The same, row by row, for the store's writer, which reads the rows anyway. Histograms are not added: for 200 routes they would be half of
 * the cost of a live second.
 */
export class TrafficSummary {
  #requests = 0
  #answered = 0
  #fivexx = 0
  #failures = 0
  #headerSum = 0

  add({ requests, answered, header, failures, codes }: Counts): void {
    this.#requests += requests
    this.#answered += answered
    this.#headerSum += header.sum
    this.#failures += failedRequests(failures)
    // Codes are sorted, so 5xx are at the end, before codes from 600 on, which have no class.
    for (let i = codes.length - 2; i >= 0 && codes[i]! >= 500; i -= 2) {
      if (codes[i]! < 600) this.#fivexx += codes[i + 1]!
    }
  }

  /** @param frame the frame whose traffic rows were all added */
  of({ seq, start, length, connections, gapBefore }: Omit<SecondFrame, 'traffic'>): TickSummary {
    return {
      seq,
      start,
      length,
      requests: this.#requests,
      answered: this.#answered,
      fivexx: this.#fivexx,
      failures: connections.reduce((sum, row) => sum + failedConnects(row), this.#failures),
      headerSum: micros(this.#headerSum),
      gapBefore,
    }
  }
}
