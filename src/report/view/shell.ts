/** The page, its script and its style, as files. */
import { pageScript, pageStyle, servedPage } from '../page/skeleton.ts'
import type { Reply } from './http/reply.ts'

export const pageFiles = (): ReadonlyMap<string, Reply> =>
  new Map<string, Reply>([
    ['', { status: 200, type: 'html', body: servedPage('upstreamtop') }],
    ['page.js', { status: 200, type: 'script', body: pageScript() }],
    ['page.css', { status: 200, type: 'style', body: pageStyle() }],
  ])
