/** How many attempts failed: the only place that knows which kinds there are to add up. */
import type { ConnectionCounts } from './aggregate.ts'
import type { Failures } from './frame.ts'

/** Requests without a complete final head. */
export const failedRequests = ({ reset, closed, aborted, unanswered }: Failures): number =>
  reset + closed + aborted + unanswered

/** Attempts that never sent a request. */
export const failedConnects = ({
  refused,
  connectTimeout,
}: Pick<ConnectionCounts, 'refused' | 'connectTimeout'>): number => refused + connectTimeout
