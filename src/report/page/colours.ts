/**
 * Colours as presentation attributes: they are all that is left where a host forbids a page its style. The style sheet has them again
 * as variables, and others for the dark. Each scale falls in lightness, so that it is told without seeing hue.
 */

/** Heat from few answers to many. */
export const HEAT = [
  '#deebf7',
  '#c1d9ed',
  '#9ac4df',
  '#6aabd2',
  '#4190c3',
  '#2171b5',
  '#0d519c',
  '#08306b',
] as const
/** A step without trouble, with any (as good as none: in long steps it is everywhere), from 1 %, from 5 %, from 20 % of its attempts on. */
export const TROUBLE = ['#9db2c9', '#aaa382', '#e98a1f', '#d9541e', '#a8123e'] as const
export const GAP = { area: '#eceef1', hatch: '#b4bbc4' } as const
export const LINES = { p50: '#16202c', p99: '#b4400a', base: '#c3cad2', marker: '#6b3fa0' } as const
/** Behind what a finding is of. */
export const BAND = '#fdecd9'
