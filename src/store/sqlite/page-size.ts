export const PAGE_SIZE = 4096
