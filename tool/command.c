/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char mark[] = "{}";
enum { MARK_LEN = 2 };

static int check_program(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return -errno;
    if (!S_ISREG(st.st_mode) || access(path, X_OK))
        return -EACCES;
    return 0;
}

/* dir/name in a new block; an empty dir is the current one. */
static char *join(const char *dir, size_t len, const char *name)
{
    char *path = malloc(len + strlen(name) + 3);
    if (!path)
        return NULL;
    if (len == 0) {
        path[len++] = '.';
    } else {
        memcpy(path, dir, len);
    }
    path[len] = '/';
    strcpy(path + len + 1, name);
    return path;
}

static char *find_in(const char *dirs, const char *name, int *code)
{
    *code = -ENOENT;
    for (;;) {
        size_t len = strcspn(dirs, ":");
        char *path = join(dirs, len, name);
        int found = path ? check_program(path) : -ENOMEM;
        if (found == 0)
            return path;
        free(path);
        if (found == -EACCES || found == -ENOMEM)
            *code = found;
        if (dirs[len] == '\0')
            return NULL;
        dirs += len + 1;
    }
}

char *command_find(const char *name, int *code)
{
    const char *dirs = getenv("PATH");
    *code = *name ? 0 : -ENOENT;
    if (*code)
        return NULL;
    if (!strchr(name, '/')) {
        char *path = find_in(dirs ? dirs : "/bin:/usr/bin", name, code);
        if (path)
            *code = 0;
        return path;
    }
    *code = check_program(name);
    char *path = *code ? NULL : strdup(name);
    if (!*code && !path)
        *code = -ENOMEM;
    return path;
}

int command_init(struct command *c, int count, char **words, bool literal)
{
    int code = 0;
    *c = (struct command){.words = words, .count = count};
    for (int i = 0; i < count && !literal; i++)
        c->marked = c->marked || strstr(words[i], mark);
    c->by_record = !literal && strstr(words[0], mark);
    if (!c->by_record)
        c->path = command_find(words[0], &code);
    return code;
}

void command_fini(struct command *c)
{
    free(c->path);
    c->path = NULL;
}

/* The word with the record in each mark's place, written to out unless that
 * is NULL; the length without the NUL. */
static size_t fill_word(char *out, const char *word, const char *record,
                        size_t len)
{
    size_t n = 0;
    for (const char *at; (at = strstr(word, mark)); word = at + MARK_LEN) {
        size_t before = (size_t)(at - word);
        if (out) {
            memcpy(out + n, word, before);
            memcpy(out + n + before, record, len);
        }
        n += before + len;
    }
    if (out)
        strcpy(out + n, word);
    return n + strlen(word);
}

char **command_with(const struct command *c, const char *record)
{
    size_t len = strlen(record);
    size_t count = (size_t)c->count + (c->marked ? 0 : 1);
    size_t room = (count + 1) * sizeof(char *) + (c->marked ? 0 : len + 1);
    for (int i = 0; i < c->count; i++)
        room += fill_word(NULL, c->words[i], record, len) + 1;
    char **args = malloc(room);
    if (!args)
        return NULL;
    char *text = (char *)(args + count + 1);
    for (int i = 0; i < c->count; i++) {
        args[i] = text;
        if (c->marked)
            text += fill_word(text, c->words[i], record, len) + 1;
        else
            text = stpcpy(text, c->words[i]) + 1;
    }
    if (!c->marked)
        args[c->count] = strcpy(text, record);
    args[count] = NULL;
    return args;
}
