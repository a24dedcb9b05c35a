/** The median and the p99 as lines over a heatmap, of so few points that they can be told from noise. */
import type { HeatScale } from '../../../frame/views/heat.ts'
import { coarser } from '../../picture/coarser.ts'
import type { Picture, PictureLine } from '../../picture/picture.ts'
import { percentilePath } from './heat-paths.ts'

const POINTS = 100
/** Half as many again are drawn as they are. */
const FEW = 150

export interface TimeLines {
  readonly p50: string
  readonly p99: string
  /** steps of a point: what the paths are stretched by */
  readonly factor: number
}

export function timeLines(picture: Picture, line: PictureLine, scale: HeatScale): TimeLines {
  const factor = pointSteps(picture, line)
  const { p50, p99 } = coarser({ ...picture, lines: [line] }, factor).lines[0]!
  return { p50: percentilePath(p50, scale), p99: percentilePath(p99, scale), factor }
}

/** Without header times the percentiles of single steps are all there is. */
export const pointSteps = ({ count }: Pick<Picture, 'count'>, { heat }: Pick<PictureLine, 'heat'>): number =>
  heat === null || count <= FEW ? 1 : Math.ceil(count / POINTS)
