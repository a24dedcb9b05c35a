/* Arrays of the programs lie in this process's memory already. */
#pragma once

#include "portable/maps.h"

#define PROT_READ					   1
#define PROT_WRITE					   2
#define MAP_SHARED					   1
#define MAP_FAILED					   ((void *)-1)
#define mmap(address, size, protection, flags, fd, offset) ((void)(size), map_values(map_number(fd)))
