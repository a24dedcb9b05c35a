/** nginx configurations that the helper must not read to the end. The key completes "a configuration that …". */
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { range } from './network.ts'
import { sh } from './system.ts'

/**
 * @param around a folder with other configurations
 * @param secret a file of root's, on the same file system
 */
export const hostileConfigurations = (
  around: string,
  secret: string,
): Readonly<Record<string, (place: string) => unknown>> => ({
  'is a FIFO': (place) => sh('mkfifo', '-m', '666', join(place, 'nginx.conf')),
  'is a device that never ends': (place) => symlinkSync('/dev/zero', join(place, 'nginx.conf')),
  'is a terminal': (place) => symlinkSync('/dev/ptmx', join(place, 'nginx.conf')),
  'is a folder': (place) => mkdirSync(join(place, 'nginx.conf')),
  'is a link to itself': (place) => symlinkSync('nginx.conf', join(place, 'nginx.conf')),
  'is the memory of the reading process': (place) => symlinkSync('/proc/self/mem', join(place, 'nginx.conf')),
  'is a file whose read blocks until the kernel logs': (place) =>
    symlinkSync('/proc/kmsg', join(place, 'nginx.conf')),
  "is a link to root's file": (place) => symlinkSync(secret, join(place, 'nginx.conf')),
  "is a hard link to root's file": (place) => linkSync(secret, join(place, 'nginx.conf')),
  'is a terabyte long': (place) => {
    writeFileSync(join(place, 'nginx.conf'), 'x')
    truncateSync(join(place, 'nginx.conf'), 2 ** 40)
  },
  'includes by a glob over links to its own folder': (place) => {
    for (const n of range(1, 40)) symlinkSync('.', join(place, String(n)))
    writeFileSync(join(place, 'nginx.conf'), `include ${place}/*/*/*/*/*/*/*;\n`)
  },
  'includes itself 500 times': (place) =>
    writeFileSync(join(place, 'nginx.conf'), `include ${place}/nginx.conf;\n`.repeat(500)),
  'includes its own folder by a glob': (place) =>
    writeFileSync(join(place, 'nginx.conf'), `include ${place}/*;\n`.repeat(500)),
  'includes 600 files': (place) => {
    for (const n of range(1, 600)) writeFileSync(join(place, `${n}.conf`), 'a b;\n')
    writeFileSync(join(place, 'nginx.conf'), `include ${place}/*.conf;\n`)
  },
  'includes all of /proc, /sys and /dev': (place) =>
    writeFileSync(
      join(place, 'nginx.conf'),
      ['/proc/*/environ', '/proc/*/root/*', '/sys/kernel/*/*', '/dev/*', `${around}/*.conf`]
        .map((pattern) => `include ${pattern};\n`)
        .join(''),
    ),
})
