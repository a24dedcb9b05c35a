/** The range as a heatmap: equal steps of it, each with the header times of the selected rows. */
import { selectRows } from '../../frame/expression/selection.ts'
import type { Recording } from '../../frame/model/recording.ts'
import { addHeat, heatOfSum, NO_HEAT, type HeatColumn, type HeatMap } from '../../frame/views/heat-sum.ts'
import { stepSums } from './steps.ts'
import type { Query } from './summary.ts'
import { gridFor } from './timeline.ts'

/** @param most columns */
export function heatMapOf(
  recordings: readonly Recording[],
  { range, selection }: Query,
  most: number,
): HeatMap {
  const grid = gridFor(recordings, range, most)
  const columns = Array.from({ length: grid.count }, (_, i): HeatColumn => {
    return { state: 'gap', from: grid.timeOf(i), sum: NO_HEAT }
  })
  for (const { start, aggregate } of stepSums(recordings, range, grid.step)) {
    if (aggregate.ticks === 0) continue
    const index = grid.indexOf(start)
    const { from, sum } = columns[index]!
    const more = heatOfSum(selectRows(aggregate, selection.rows), null)
    columns[index] = { state: 'seen', from, sum: addHeat(sum, more) }
  }
  return { step: grid.step, columns, cursor: null }
}
