/** Control groups (cgroup2). */
import { readFileSync } from 'node:fs'

/** Where the hierarchy is mounted: on a hybrid host not at /sys/fs/cgroup itself. */
export const GROUPS = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8'))?.[1]
/** The `skip` value of tests that make groups. */
export const lackingGroups = GROUPS === undefined ? 'needs cgroup2' : false
