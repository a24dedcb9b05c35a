/*
 * Looks for nginx's TLS functions in the files that are named, and prints a
 * line for each: both offsets and the kind of probe, or why there is none.
 * `spoil SEED COUNT FILE` changes words of the file at random, mostly of its
 * headers and symbols, and prints in how many of so many files they were found.
 */
#include "../../../bpf/helper/tls-file.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory of exactly its size, so that the sanitizer sees a read behind its end.
 */
static uint8_t *read_file(const char *name, size_t *size) {
  FILE *f = fopen(name, "r");
  uint8_t *text;

  if (!f)
    exit(1);
  fseek(f, 0, SEEK_END);
  *size = ftell(f);
  rewind(f);
  text = malloc(*size);
  if (fread(text, 1, *size, f) != *size)
    exit(1);
  fclose(f);
  return text;
}

static void print(const char *name) {
  static const char *const words[] = {"unknown", "emulated", "stepped"};
  struct tls_functions found;
  size_t size;
  uint8_t *text = read_file(name, &size);
  const char *why = find_tls_functions(text, size, &found);

  if (why)
    printf("%s\n", why);
  else
    printf("%lu %lu %s\n", (unsigned long)found.write,
           (unsigned long)found.receive, words[found.probe]);
  free(text);
}

static uint64_t random_state;

static uint64_t draw(uint64_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % below;
}

/* Numbers that fit, that just do not, and that have no sense. */
static uint64_t odd_number(size_t size) {
  const uint64_t numbers[] = {0,          1,          size,       size - 1,
                              size + 1,   1ULL << 31, 1ULL << 32, 1ULL << 63,
                              UINT64_MAX, draw(size)};

  return numbers[draw(sizeof(numbers) / sizeof(*numbers))];
}

/* Somewhere in a table of the file. */
static size_t place_in(const Elf64_Ehdr *h, const uint8_t *text, size_t size) {
  Elf64_Shdr section;

  switch (draw(4)) {
  case 0:
    return draw(sizeof(*h));
  case 1:
    return h->e_phoff + draw(h->e_phnum * sizeof(Elf64_Phdr));
  case 2:
    return h->e_shoff + draw(h->e_shnum * sizeof(section));
  default:
    memcpy(&section, text + h->e_shoff + draw(h->e_shnum) * sizeof(section),
           sizeof(section));
    return section.sh_size && section.sh_type != SHT_NOBITS
               ? section.sh_offset + draw(section.sh_size)
               : draw(size);
  }
}

static int is_found_spoilt(const uint8_t *whole, size_t size) {
  size_t length = draw(8) ? size : draw(size);
  uint8_t *text = malloc(length);
  struct tls_functions found;
  Elf64_Ehdr header;
  int is_found;

  memcpy(&header, whole, sizeof(header));
  memcpy(text, whole, length);
  for (int changes = draw(6); changes >= 0; changes--) {
    uint64_t number = odd_number(size);
    size_t width = 1 << draw(4),
           at = place_in(&header, whole, size) / width * width;

    if (at + width <= length)
      memcpy(text + at, &number, width);
  }
  is_found = !find_tls_functions(text, length, &found);
  /* what is found lies in the file */
  if (is_found && (found.write >= length || found.receive >= length))
    abort();
  free(text);
  return is_found;
}

int main(int argc, char **argv) {
  int found = 0;
  uint8_t *text;
  size_t size;

  if (argc == 5 && !strcmp(argv[1], "spoil")) {
    random_state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ULL + 1;
    text = read_file(argv[4], &size);
    for (int i = atoi(argv[3]); i > 0; i--)
      found += is_found_spoilt(text, size);
    free(text);
    printf("%d\n", found);
    return 0;
  }
  for (int i = 1; i < argc; i++)
    print(argv[i]);
  return 0;
}
