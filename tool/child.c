/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static sigset_t first_mask;
static bool pipe_was_ignored;

static weir_mutex list_lock = WEIR_MUTEX_INIT;
static struct child *list; /* those started and not reaped                  */

void child_setup(void)
{
    struct sigaction was;
    pthread_sigmask(SIG_SETMASK, NULL, &first_mask);
    sigaction(SIGPIPE, NULL, &was);
    pipe_was_ignored = was.sa_handler == SIG_IGN;
    signal(SIGPIPE, SIG_IGN);
}

/* A pipe whose end `ours` (0 reads, 1 writes) does not block. */
static int open_pipe(int ours, int *near, int *far)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    fcntl(ends[ours], F_SETFL, O_NONBLOCK | (ours ? O_WRONLY : O_RDONLY));
    *near = ends[ours];
    *far = ends[!ours];
    return 0;
}

static void close_far(struct child *c)
{
    for (int i = 0; i < 3; i++) {
        if (c->far[i] >= 0)
            close(c->far[i]);
        c->far[i] = -1;
    }
}

int child_open(struct child *c, unsigned pipes)
{
    *c = (struct child){
        .pidfd = -1, .in = -1, .out = -1, .err = -1, .far = {-1, -1, -1}};
    int code = 0;
    if (pipes & CHILD_OUT)
        code = open_pipe(0, &c->out, &c->far[1]);
    if (!code && (pipes & CHILD_ERR))
        code = open_pipe(0, &c->err, &c->far[2]);
    if (!code && (pipes & CHILD_IN))
        code = open_pipe(1, &c->in, &c->far[0]);
    if (code)
        child_close(c);
    return code;
}

static int spawn(struct child *c, const char *path, char *const *args,
                 const posix_spawn_file_actions_t *files)
{
    posix_spawnattr_t attr;
    sigset_t defaults;
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK;
    int err = posix_spawnattr_init(&attr);
    if (err)
        return -err;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    if (!pipe_was_ignored)
        flags |= POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setflags(&attr, flags);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &first_mask);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    err = posix_spawn(&c->pid, path, files, &attr, args,
                      c->env ? c->env : environ);
    posix_spawnattr_destroy(&attr);
    if (err)
        c->pid = 0;
    return -err;
}

/* A script without an interpreter line is the shell's, as with execvp. */
static int spawn_by_shell(struct child *c, const char *path, char *const *args,
                          const posix_spawn_file_actions_t *files)
{
    size_t n = 0;
    while (args[n])
        n++;
    const char **words = malloc((n + 2) * sizeof *words);
    if (!words)
        return -ENOMEM;
    words[0] = "sh";
    words[1] = path;
    memcpy(words + 2, args + 1, n * sizeof *words);
    int code = spawn(c, "/bin/sh", (char *const *)(uintptr_t)words, files);
    free(words);
    return code;
}

static int fill_actions(posix_spawn_file_actions_t *files,
                        const struct child *c)
{
    int err;
    if (c->far[0] >= 0)
        err = posix_spawn_file_actions_adddup2(files, c->far[0], 0);
    else
        err = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY,
                                               0);
    if (!err && c->far[1] >= 0)
        err = posix_spawn_file_actions_adddup2(files, c->far[1], 1);
    if (!err && c->far[2] >= 0)
        err = posix_spawn_file_actions_adddup2(files, c->far[2], 2);
    return -err;
}

static void enlist(struct child *c)
{
    weir_mutex_lock(&list_lock, NULL);
    c->prev = NULL;
    c->next = list;
    if (list)
        list->prev = c;
    list = c;
    weir_mutex_unlock(&list_lock);
}

static void delist(struct child *c)
{
    weir_mutex_lock(&list_lock, NULL);
    if (c->prev)
        c->prev->next = c->next;
    else
        list = c->next;
    if (c->next)
        c->next->prev = c->prev;
    weir_mutex_unlock(&list_lock);
}

int child_start(struct child *c, const char *path, char *const *args)
{
    posix_spawn_file_actions_t files;
    int code = -posix_spawn_file_actions_init(&files);
    if (!code) {
        code = fill_actions(&files, c);
        if (!code)
            code = spawn(c, path, args, &files);
        if (code == -ENOEXEC)
            code = spawn_by_shell(c, path, args, &files);
        posix_spawn_file_actions_destroy(&files);
    }
    close_far(c);
    if (!code)
        enlist(c);
    return code;
}

bool child_is_dead(const struct child *c)
{
    siginfo_t info = {0};
    int flags = WEXITED | WNOHANG | WNOWAIT;
    return waitid(P_PID, (id_t)c->pid, &info, flags) == 0 && info.si_pid != 0;
}

static int wait_in_thread(void *arg)
{
    const struct child *c = arg;
    siginfo_t info;
    while (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT))
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* Makes the end waitable; false: this kernel or a limit does not let us. */
static bool watch(struct child *c)
{
#ifdef SYS_pidfd_open
    if (c->pidfd < 0)
        c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
#endif
    return c->pidfd >= 0;
}

int child_exited(struct child *c, weir_ctx *ctx)
{
    if (child_is_dead(c))
        return 0;
    if (watch(c)) {
        int code = weir_wait_fd(c->pidfd, WEIR_READABLE, ctx);
        if (code == WEIR_CANCELED || code == WEIR_TIMEDOUT)
            return child_is_dead(c) ? 0 : code; /* both, while we stood still */
        if (code > 0)
            return 0;
    }
    if (weir_blocking(wait_in_thread, c))
        wait_in_thread(c);
    return 0;
}

void child_end(struct child *c, bool gently)
{
    weir_ctx patience;
    if (gently && watch(c)) {
        kill(-c->pid, SIGTERM);
        weir_ctx_init_timeout(&patience, NULL, WEIR_SECOND);
        child_exited(c, &patience);
        weir_ctx_fini(&patience);
    }
    kill(-c->pid, SIGKILL);
    child_exited(c, NULL);
}

int child_reap(struct child *c)
{
    int status = 0;
    delist(c);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    c->pid = 0;
    return status;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        weir_close(*fd);
    *fd = -1;
}

void child_close(struct child *c)
{
    close_far(c);
    close_end(&c->in);
    close_end(&c->out);
    close_end(&c->err);
    close_end(&c->pidfd);
}

void child_kill_all(void)
{
    weir_mutex_lock(&list_lock, NULL);
    for (const struct child *c = list; c; c = c->next)
        kill(-c->pid, SIGKILL);
    weir_mutex_unlock(&list_lock);
}
