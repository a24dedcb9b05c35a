/** `--sort C` of report and diff: any measure of the expression language, `share`, or `name`. */
import { usageError } from '../../errors.ts'
import { measureNamed } from '../../frame/expression/expression-parser.ts'
import { BY_REQUESTS, type Order } from '../../report/data/order.ts'

export function sortOption(text: string): Order {
  if (text === 'name') return { by: 'name' }
  // The order by share is the order by requests.
  if (text === 'share') return BY_REQUESTS
  const measure = measureNamed(text.toLowerCase())
  if (measure === null || measure.kind === 'coverage') {
    throw usageError(
      `--sort "${text}" is no column`,
      'Sort by requests, rps, share, avg, p50, p90, p99, max, 4xx, 5xx, failures, in_flight, total.p99, … or name.',
    )
  }
  return { by: 'measure', measure }
}
