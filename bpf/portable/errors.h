/* The kernel's numbers of errors, which the programs compare with. Those of the C library for WebAssembly are others. */
#pragma once

enum kernel_error {
	KERNEL_ENOENT = 2,
	KERNEL_E2BIG = 7,
	KERNEL_EACCES = 13,
	KERNEL_EEXIST = 17,
	KERNEL_EPIPE = 32,
	KERNEL_ENOPROTOOPT = 92,
	KERNEL_ENETUNREACH = 101,
	KERNEL_ECONNRESET = 104,
	KERNEL_ECONNREFUSED = 111,
	KERNEL_EHOSTUNREACH = 113,
};
