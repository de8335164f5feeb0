/* SPDX-License-Identifier: MIT */
/*
 * dladdr knows exported symbols only, and waits for the loader's lock, which
 * a thread may hold while it waits for us. So: /proc/self/maps says which
 * file is mapped at the address, and that file's section headers lead to its
 * symbols. The file is not trusted: it may have been replaced since.
 */
#include "port/symbol.h"

#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/line.h"

enum { PATH_ROOM = 512, READ_ROOM = 1024 };

/* ---- which file ---------------------------------------------------------- */

struct mapping {
    uint64_t start, end, offset, inode;
    char path[PATH_ROOM];
};

struct reader {
    int fd;
    ssize_t at, len;
    char buf[READ_ROOM];
};

/* The next character, -1 at the end. */
static int next(struct reader *r)
{
    if (r->at == r->len) {
        r->at = 0;
        r->len = read(r->fd, r->buf, sizeof(r->buf));
        if (r->len <= 0) {
            r->len = 0;
            return -1;
        }
    }
    return (unsigned char)r->buf[r->at++];
}

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number and the character after it, which is returned. */
static int number(struct reader *r, unsigned base, uint64_t *out)
{
    int c;
    for (*out = 0; digit(c = next(r)) >= 0;)
        *out = *out * base + (uint64_t)digit(c);
    return c;
}

static int skip_to(struct reader *r, int wanted)
{
    int c;
    do
        c = next(r);
    while (c != wanted && c != '\n' && c >= 0);
    return c;
}

/* One line of the mappings: start-end perms offset device inode  path */
static bool next_mapping(struct reader *r, struct mapping *m)
{
    size_t n = 0;
    if (number(r, 16, &m->start) < 0)
        return false;
    number(r, 16, &m->end);
    skip_to(r, ' ');
    number(r, 16, &m->offset);
    skip_to(r, ' ');
    int c = number(r, 10, &m->inode);
    while (c == ' ')
        c = next(r);
    for (; c != '\n' && c >= 0; c = next(r))
        if (n < sizeof(m->path) - 1)
            m->path[n++] = (char)c;
    m->path[n] = 0;
    return true;
}

static bool find_mapping(uint64_t address, struct mapping *m)
{
    struct reader r = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    bool found = false;
    if (r.fd < 0)
        return false;
    while (!found && next_mapping(&r, m))
        found = address >= m->start && address < m->end;
    close(r.fd);
    return found && m->path[0] == '/';
}

/* ---- its symbols --------------------------------------------------------- */

struct image {
    const char *bytes;
    size_t size;
};

/* n things of this size at the offset, NULL if they are not all there. */
static const void *part(const struct image *f, uint64_t offset, uint64_t n,
                        size_t size)
{
    if (offset > f->size || n > (f->size - offset) / size || offset % 4)
        return NULL;
    return f->bytes + offset;
}

static bool open_image(struct image *f, const struct mapping *m)
{
    struct stat s;
    void *bytes = MAP_FAILED;
    int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &s) == 0 && s.st_ino == m->inode && s.st_size > 0)
        bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    *f = (struct image){bytes, (size_t)s.st_size};
    return bytes != MAP_FAILED;
}

static const ElfW(Ehdr) * header(const struct image *f)
{
    const ElfW(Ehdr) *e = part(f, 0, 1, sizeof(*e));
    bool ours = e && memcmp(e->e_ident, ELFMAG, SELFMAG) == 0 &&
                e->e_phentsize == sizeof(ElfW(Phdr)) &&
                e->e_shentsize == sizeof(ElfW(Shdr));
    return ours ? e : NULL;
}

/* The address that the file itself has for this offset in it, 0: none. */
static uint64_t own_address(const struct image *f, const ElfW(Ehdr) * e,
                            uint64_t offset)
{
    const ElfW(Phdr) *p = part(f, e->e_phoff, e->e_phnum, sizeof(*p));
    for (int i = 0; p && i < e->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && offset >= p[i].p_offset &&
            offset - p[i].p_offset < p[i].p_filesz)
            return p[i].p_vaddr + (offset - p[i].p_offset);
    return 0;
}

static const ElfW(Sym) *
    covering(const struct image *f, const ElfW(Shdr) * sh, uint64_t at)
{
    uint64_t n = sh->sh_size / sizeof(ElfW(Sym));
    const ElfW(Sym) *sym = part(f, sh->sh_offset, n, sizeof(*sym));
    for (uint64_t i = 0; sym && i < n; i++)
        if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC &&
            at >= sym[i].st_value && at - sym[i].st_value < sym[i].st_size)
            return &sym[i];
    return NULL;
}

static bool put_symbol(struct wr_line *l, const struct image *f,
                       const ElfW(Shdr) * sections, const ElfW(Shdr) * table,
                       uint64_t at)
{
    const ElfW(Sym) *sym = covering(f, table, at);
    if (!sym)
        return false;
    const ElfW(Shdr) *strings = &sections[table->sh_link];
    const char *text = part(f, strings->sh_offset, strings->sh_size, 1);
    if (!text || sym->st_name >= strings->sh_size ||
        text[strings->sh_size - 1] != 0)
        return false;
    wr_line_put(l, text + sym->st_name);
    wr_line_put(l, "+");
    wr_line_put_hex(l, at - sym->st_value);
    return true;
}

static bool put_function(struct wr_line *l, const struct image *f,
                         const ElfW(Ehdr) * e, uint64_t at)
{
    const ElfW(Shdr) *s = part(f, e->e_shoff, e->e_shnum, sizeof(*s));
    bool done = false;
    for (int i = 0; s && !done && i < e->e_shnum; i++)
        if ((s[i].sh_type == SHT_SYMTAB || s[i].sh_type == SHT_DYNSYM) &&
            s[i].sh_link < e->e_shnum)
            done = put_symbol(l, f, s, &s[i], at);
    return done;
}

/* ---- both ---------------------------------------------------------------- */

static void put_in_file(struct wr_line *l, const struct mapping *m,
                        uint64_t offset)
{
    const char *slash = strrchr(m->path, '/');
    struct image f;
    uint64_t at = offset;
    if (open_image(&f, m)) {
        const ElfW(Ehdr) *e = header(&f);
        if (e)
            at = own_address(&f, e, offset);
        bool done = e && put_function(l, &f, e, at);
        munmap((void *)(uintptr_t)f.bytes, f.size);
        if (done)
            return;
    }
    wr_line_put(l, slash + 1);
    wr_line_put(l, "+");
    wr_line_put_hex(l, at);
}

void wr_symbol(const void *address, char *out, size_t size)
{
    struct wr_line l = wr_line_in(out, size);
    struct mapping m;
    uint64_t at = (uintptr_t)address;
    if (find_mapping(at, &m))
        put_in_file(&l, &m, m.offset + (at - m.start));
    else
        wr_line_put_hex(&l, at);
}
