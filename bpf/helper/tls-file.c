/*
 * ELF files of nginx. Its modules link against its own functions, so that they stand in .dynsym, whatever was stripped; a static
 * nginx has them in .symtab, where the parts of functions that a compiler has split are, too.
 */
#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include "tls-file.h"

#define MAX_PROGRAM_HEADERS 256
/* Beyond any build of nginx; a hostile file may claim any number. */
#define MAX_SYMBOLS (4 << 20)
/* Bytes of a function that are looked at: a mark for indirect jumps, and an instruction. */
#define FUNCTION_START 16

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#error "which instructions does the kernel emulate under a probe?"
#endif

static const char not_elf[] = "its file is no program of this machine's architecture";
static const char damaged[] = "the headers of its file are damaged";
static const char not_called[] =
    "its compiler has made copies of ngx_ssl_write or ngx_ssl_recv that have no name, and nothing calls the "
    "functions themselves";
static const char no_functions[] = "its file names no functions ngx_ssl_write and ngx_ssl_recv: it was built without TLS, or "
				   "stripped of what modules link against";

struct elf {
	const uint8_t *file;
	size_t size;
	Elf64_Ehdr header;
};

/* A table within the file, or NULL. */
static const void *table_at(const struct elf *elf, uint64_t offset, uint64_t count, size_t width)
{
	/* counts are limited, so that the product has room */
	if (offset > elf->size || count * width > elf->size - offset)
		return NULL;
	return elf->file + offset;
}

/* Nothing in the file need be aligned. */
static void read_entry(void *entry, size_t width, const void *table, uint64_t index)
{
	memcpy(entry, (const uint8_t *)table + index * width, width);
}

/* ---- instructions ---- */

#if defined(__x86_64__)
/* As in the kernel's arch/x86/kernel/uprobes.c: of the instructions that begin a function, `push` and `nop`. */
enum probe probe_of(const uint8_t *code, size_t length, size_t *skipped)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

	*skipped = length > sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64)) ? sizeof(endbr64) : 0;
	code += *skipped;
	length -= *skipped;
	if (length < 2)
		return PROBE_UNKNOWN;
	if (code[0] == 0x90 || (code[0] & 0xf8) == 0x50)
		return PROBE_EMULATED;
	return (code[0] & 0xf0) == 0x40 && (code[1] & 0xf8) == 0x50 ? PROBE_EMULATED : PROBE_STEPPED;
}

/* Where a direct call or jump at `address` leads; 0 if it is none. */
static uint64_t target_of(const uint8_t *code, size_t length, uint64_t address)
{
	int32_t distance;

	if (length < 5 || (code[0] & 0xfe) != 0xe8)
		return 0;
	memcpy(&distance, code + 1, sizeof(distance));
	return address + 5 + distance;
}

#define INSTRUCTION_STEP 1
#else
/* As in the kernel's arch/arm64/kernel/probes/: hints (nop, bti, paciasp). */
enum probe probe_of(const uint8_t *code, size_t length, size_t *skipped)
{
	uint32_t instruction;

	*skipped = 0;
	if (length < sizeof(instruction))
		return PROBE_UNKNOWN;
	memcpy(&instruction, code, sizeof(instruction));
	return (instruction & 0xfffff01f) == 0xd503201f ? PROBE_EMULATED : PROBE_STEPPED;
}

/* Where a direct call or jump at `address` leads; 0 if it is none. */
static uint64_t target_of(const uint8_t *code, size_t length, uint64_t address)
{
	uint32_t instruction;

	if (length < sizeof(instruction))
		return 0;
	memcpy(&instruction, code, sizeof(instruction));
	if ((instruction & 0x7c000000) != 0x14000000)
		return 0;
	/* 26 bits, signed, in words */
	return address + (int64_t)((int32_t)(instruction << 6) >> 4);
}

#define INSTRUCTION_STEP 4
#endif

/* ---- functions ---- */

uint64_t offset_of(const void *headers, int count, uint64_t address)
{
	for (int i = 0; i < count; i++) {
		Elf64_Phdr p;

		read_entry(&p, sizeof(p), headers, i);
		if (p.p_type == PT_LOAD && p.p_flags & PF_X && address >= p.p_vaddr && address - p.p_vaddr < p.p_filesz)
			return address - p.p_vaddr + p.p_offset;
	}
	return 0;
}

/* Where the probe is set; 0 where the file has no instruction there. */
static uint64_t place_of(const struct elf *elf, const void *headers, uint64_t address, enum probe *worst)
{
	uint64_t offset = offset_of(headers, elf->header.e_phnum, address);
	enum probe probe;
	size_t skipped;

	if (!offset || offset > elf->size || elf->size - offset < FUNCTION_START)
		return 0;
	probe = probe_of(elf->file + offset, FUNCTION_START, &skipped);
	if (probe > *worst)
		*worst = probe;
	return offset + skipped;
}

struct addresses {
	uint64_t write, receive;
};

/*
 * Whether some code calls it. Where a compiler has split a function, what is left under its name may never run: then nothing
 * would be read, in silence.
 */
static bool is_called(const struct elf *elf, const void *headers, uint64_t address)
{
	for (int i = 0; i < elf->header.e_phnum; i++) {
		Elf64_Phdr p;
		uint64_t size;

		read_entry(&p, sizeof(p), headers, i);
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_X) || p.p_offset > elf->size)
			continue;
		size = p.p_filesz < elf->size - p.p_offset ? p.p_filesz : elf->size - p.p_offset;
		for (uint64_t at = 0; at < size; at += INSTRUCTION_STEP)
			if (target_of(elf->file + p.p_offset + at, size - at, p.p_vaddr + at) == address)
				return true;
	}
	return false;
}

static bool is_named(const char *names, uint64_t size, const Elf64_Sym *symbol, const char *name, size_t length)
{
	return symbol->st_name < size && size - symbol->st_name >= length && !memcmp(names + symbol->st_name, name, length);
}

/* A part that the compiler split off has the same arguments, and runs whenever there is something to do: it is preferred. */
static bool is_function(const char *names, uint64_t size, const Elf64_Sym *symbol, const char *name, const uint64_t *known)
{
	static const char part[] = ".part.";
	size_t length = strlen(name);

	if (!is_named(names, size, symbol, name, length))
		return false;
	if (size - symbol->st_name > length && !names[symbol->st_name + length])
		return !*known;
	return size - symbol->st_name - length >= sizeof(part) - 1 &&
	       !memcmp(names + symbol->st_name + length, part, sizeof(part) - 1);
}

static void look_through(const struct elf *elf, const Elf64_Shdr *symbols, const Elf64_Shdr *strings, struct addresses *found)
{
	static const char write_name[] = "ngx_ssl_write", receive_name[] = "ngx_ssl_recv";
	uint64_t count = symbols->sh_size / sizeof(Elf64_Sym);
	const void *table;
	const char *names;

	if (symbols->sh_entsize != sizeof(Elf64_Sym) || count > MAX_SYMBOLS)
		return;
	table = table_at(elf, symbols->sh_offset, count, sizeof(Elf64_Sym));
	names = table_at(elf, strings->sh_offset, strings->sh_size, 1);
	for (uint64_t i = 0; table && names && i < count; i++) {
		Elf64_Sym s;

		read_entry(&s, sizeof(s), table, i);
		if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || s.st_shndx == SHN_UNDEF)
			continue;
		if (is_function(names, strings->sh_size, &s, write_name, &found->write))
			found->write = s.st_value;
		else if (is_function(names, strings->sh_size, &s, receive_name, &found->receive))
			found->receive = s.st_value;
	}
}

static void look_in_tables(const struct elf *elf, const void *sections, uint32_t type, struct addresses *found)
{
	for (int i = 0; i < elf->header.e_shnum; i++) {
		Elf64_Shdr symbols, strings;

		read_entry(&symbols, sizeof(symbols), sections, i);
		if (symbols.sh_type != type || symbols.sh_link >= elf->header.e_shnum)
			continue;
		read_entry(&strings, sizeof(strings), sections, symbols.sh_link);
		if (strings.sh_type == SHT_STRTAB)
			look_through(elf, &symbols, &strings, found);
	}
}

static bool is_of_this_machine(const Elf64_Ehdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB &&
	       h->e_machine == MACHINE && (h->e_type == ET_DYN || h->e_type == ET_EXEC);
}

const char *find_tls_functions(const uint8_t *file, size_t size, struct tls_functions *functions)
{
	struct elf elf = {.file = file, .size = size};
	struct addresses found = {};
	const void *programs, *sections;

	memset(functions, 0, sizeof(*functions));
	if (size < sizeof(elf.header))
		return not_elf;
	memcpy(&elf.header, file, sizeof(elf.header));
	if (!is_of_this_machine(&elf.header))
		return not_elf;
	programs = table_at(&elf, elf.header.e_phoff, elf.header.e_phnum, sizeof(Elf64_Phdr));
	sections = table_at(&elf, elf.header.e_shoff, elf.header.e_shnum, sizeof(Elf64_Shdr));
	if (!programs || !sections || elf.header.e_phnum > MAX_PROGRAM_HEADERS || elf.header.e_phentsize != sizeof(Elf64_Phdr) ||
	    (elf.header.e_shnum && elf.header.e_shentsize != sizeof(Elf64_Shdr)))
		return damaged;
	look_in_tables(&elf, sections, SHT_DYNSYM, &found);
	look_in_tables(&elf, sections, SHT_SYMTAB, &found);
	if (!found.write || !found.receive)
		return no_functions;
	if (!is_called(&elf, programs, found.write) || !is_called(&elf, programs, found.receive))
		return not_called;
	functions->write = place_of(&elf, programs, found.write, &functions->probe);
	functions->receive = place_of(&elf, programs, found.receive, &functions->probe);
	return functions->write && functions->receive ? NULL : damaged;
}
