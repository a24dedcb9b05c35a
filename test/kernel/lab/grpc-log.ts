/** What nginx's log says of HTTP/2 backends: status and grpc-status of each attempt. 1.22 has no `$grpc_status`. */
import type { LabNginx } from './nginx.ts'
import type { Truth } from './protocol.ts'

/** For the http block: the log goes beside that of the attempts, in every server that has `GRPC_LOGS`. */
export const GRPC_LOG_FORMAT = `log_format grpc '$request_method|$uri|$upstream_addr|$upstream_status|$http_content_type|$upstream_http_grpc_status|$upstream_trailer_grpc_status';`
export const GRPC_LOGS = 'access_log access.log attempts; access_log grpc.log grpc;'

/** Without retries, for which nginx's variables would be lists. */
export function grpcTruthOf(nginx: LabNginx): Truth {
  const rows: Record<
    string,
    { requests: number; codes: Record<string, number>; grpc?: Record<string, number> }
  > = {}
  for (const line of nginx.log('grpc.log')) {
    const [method = '', path = '', backend = '', status = '', type = '', inHead = '', inTrailers = ''] =
      line.split('|')
    const row = (rows[`${backend} ${method} ${path}`] ??= { requests: 0, codes: {} })
    row.requests++
    row.codes[status] = (row.codes[status] ?? 0) + 1
    if (!type.startsWith('application/grpc')) continue
    const grpcStatus = [inHead, inTrailers].find((text) => text !== '-' && text !== '') ?? 'none'
    row.grpc ??= {}
    row.grpc[grpcStatus] = (row.grpc[grpcStatus] ?? 0) + 1
  }
  return rows
}
