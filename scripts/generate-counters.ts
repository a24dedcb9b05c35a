/** node --import tsx scripts/generate-counters.ts: writes every file that is generated from src/frame/model/counters.ts. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { c } from './counters/c.ts'
import { cells, columns } from './counters/cells.ts'
import { packed } from './counters/packed.ts'
import { sums } from './counters/sums.ts'
import { totals } from './counters/totals.ts'
import { types } from './counters/types.ts'
import { wire } from './counters/wire.ts'

const ROOT = join(import.meta.dirname, '..')

const FILES: Readonly<Record<string, () => string>> = {
  'bpf/counters.h': c,
  'src/frame/model/counters.generated.ts': types,
  'src/frame/sum/sums.generated.ts': sums,
  'src/frame/sum/totals.generated.ts': totals,
  'src/record/rows.generated.ts': wire,
  'src/store/format/columns.generated.ts': columns,
  'src/store/format/cells.generated.ts': cells,
  'src/replay/data/packed.generated.ts': packed,
}

/** Path from the project's root → the content that the file must have. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const files = Object.entries(FILES).map(async ([path, make]) => [path, await pretty(path, make())] as const)
  return new Map(await Promise.all(files))
}

async function pretty(path: string, text: string): Promise<string> {
  if (!path.endsWith('.ts')) return text
  return format(relative(path, withoutUnused(text)), {
    ...(await resolveConfig(join(ROOT, path))),
    filepath: path,
  })
}

/** Templates import files by their path from the project's root, so that a search for the path finds them. */
const relative = (path: string, text: string): string =>
  text.replace(/ from '(src\/.*?)'$/gm, (_, target: string) => {
    const way = posix.relative(dirname(path), target)
    return ` from '${way.startsWith('.') ? way : `./${way}`}'`
  })

/** Templates import everything that some counter may need: unused imports are removed. */
function withoutUnused(text: string): string {
  const body = text.replace(/^import .*?from '.*?'$/gms, '').replace(/\/\*[^]*?\*\//g, '')
  return text.replace(
    /^import (type )?\{([^}]*)\} from '(.*?)'$/gm,
    (_, kind: string | undefined, names: string, from: string) => {
      const used = names
        .split(',')
        .map((name) => name.trim())
        .filter(
          (name) =>
            name !== '' && new RegExp(`(?<![.'\\w])${name.replace('type ', '')}(?![:\\w])`).test(body),
        )
      return used.length === 0 ? '' : `import ${kind ?? ''}{ ${used.join(', ')} } from '${from}'`
    },
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of await generated()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true })
    writeFileSync(join(ROOT, path), text)
  }
}
