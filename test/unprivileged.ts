/** Whether a test that runs as root can run the program as an unprivileged user. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(import.meta.url)

/** The `skip` value of node:test: other users cannot read a clone in root's home. */
export function unreadableByNobody(): string | false {
  if (process.getuid?.() !== 0) return false
  const read = spawnSync(process.execPath, ['-e', 'require("fs").readFileSync(process.argv[1])', HERE], {
    ...{ uid: 65_534, gid: 65_534, cwd: '/' },
    stdio: 'ignore',
  })
  return read.status === 0 ? false : 'needs a clone that other users can read'
}
