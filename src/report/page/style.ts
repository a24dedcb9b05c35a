/**
 * The style of every page: `report --format html`, `diff --format html`, `view`. Its rules:
 *
 *   type      four sizes: 1.5 rem for the one title, 1.125 for a heading and a figure, 0.875 for all text, 0.75 for what is beside it
 *             (heads of tables, axes, notes). Weight 600 says "read this first". Numbers are tabular and at the right; what comes
 *             from the traffic is monospaced
 *   spacing   steps of 0.25 rem: 0.25 within a line, 0.5 between lines, 1 between blocks, 2 between sections
 *   colour    ink, dim and line carry the page. Colour means something: blue is amount, amber to crimson is trouble, violet is a
 *             marker. Scales fall in lightness, and trouble has a foot, a bar or weight beside its colour. Zero is dim
 *   contrast  text has 4.5:1 or more on its ground, in the light and in the dark
 *   focus     one outline for all: what unsets a button does so in `:where`, which has no weight, so the outline stays
 *   lines     no boxes: a thin line under a head and between rows, space for the rest
 *
 * In TypeScript because the compiler copies no CSS. The same colours are presentation attributes in `colours.ts`.
 */
import { CONTROLS } from './style/controls.ts'
import { DRAWINGS } from './style/drawings.ts'
import { MEDIA } from './style/media.ts'
import { PLOTS } from './style/plots.ts'
import { STILL } from './style/still.ts'
import { TABLES } from './style/tables.ts'
import { TOKENS } from './style/tokens.ts'
import { WORDS } from './style/words.ts'

const joined = (...parts: readonly string[]): string => parts.map((part) => part.trim()).join('\n')

export const STYLE = joined(TOKENS, WORDS, STILL, DRAWINGS, TABLES, MEDIA)

/** What only the script makes. */
export const SCRIPT_STYLE = joined(PLOTS, CONTROLS)
