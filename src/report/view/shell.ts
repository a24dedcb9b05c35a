/** The page, its script and its style, as files. */
import { readFileSync } from 'node:fs'
import { BUILT } from '../../place.ts'
import type { Reply } from './http/reply.ts'

/** @param sides recordings that are shown */
export const pageFiles = (sides: number): ReadonlyMap<string, Reply> =>
  new Map<string, Reply>([
    ['', { status: 200, type: 'html', body: shell(sides) }],
    [
      'page.js',
      { status: 200, type: 'script', body: readFileSync(new URL('report/page/page.js', BUILT), 'utf8') },
    ],
    ['page.css', { status: 200, type: 'style', body: '' }],
  ])

const shell = (sides: number): string => `<!doctype html>
<html lang="en" data-view="${sides}">
<head><meta charset="utf-8"><title>upstreamtop</title><link rel="stylesheet" href="page.css"></head>
<body><main></main><script src="page.js"></script></body>
</html>
`
