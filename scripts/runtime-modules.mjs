/** Prints the folders of the modules that the program needs when it runs, one a line, relative to the clone. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** It fetches better-sqlite3's native part when npm installs it. */
const NOT_AT_RUN_TIME = 'prebuild-install'

const found = new Set()
visit(ROOT)
process.stdout.write([...found].map((folder) => `${relative(ROOT, folder)}\n`).join(''))

function visit(folder) {
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  )
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    if (name === NOT_AT_RUN_TIME) continue
    const module = resolve(name, folder)
    if (module === null) {
      if (optionalDependencies?.[name] !== undefined) continue
      throw new Error(`${name}, which ${folder} needs, is not installed: npm ci`)
    }
    if (found.has(module)) continue
    found.add(module)
    visit(module)
  }
}

/** As node looks for it: in the folder's own node_modules, then in those above. */
function resolve(name, folder) {
  for (let at = folder; ; at = dirname(at)) {
    const module = join(at, 'node_modules', name)
    if (existsSync(join(module, 'package.json'))) return module
    if (relative(at, ROOT) === '') return null
  }
}
