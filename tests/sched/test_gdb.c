/* SPDX-License-Identifier: MIT */
/*
 * gdb/weir-gdb.py on a live process and on a core: the list of tasks, and
 * backtraces of parked and running ones that end where a task begins. Skipped
 * by name where there is no gdb, or where it may not attach.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <weir.h>
#include "child.h"
#include "sched/stack.h"

enum { LIMIT = 120 }; /* seconds: of a test, and of who is looked at */

static volatile int spinning;

static __attribute__((noinline)) void wait_for_orders(void *arg)
{
    char v;
    (void)weir_chan_recv(arg, &v, NULL);
    spinning = 0;
}

static void spin(void *arg)
{
    (void)arg;
    spinning = 1;
    while (spinning)
        ;
}

/* The process to look at: says a byte when its tasks stand where they will. */
static __attribute__((noinline)) void subject(int out)
{
    const weir_opts two = {.workers = 2};
    const weir_chan_opts named = {.elem_size = 1, .name = "orders"};
    const weir_task_opts clerk = {.name = "clerk"};
    weir_chan *c = weir_chan_new_with(&named);
    bool waits = false;

    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    alarm(check_is_slow() ? 3 * LIMIT : LIMIT);
    /* gcore gives a stack up at the first guard that is no mapping. */
    wr_stack_limit_guards(1 << 10);
    if (weir_start(&two) != 0 ||
        weir_go_with(&clerk, wait_for_orders, c) != 0 ||
        weir_go(spin, NULL) != 0)
        _exit(1);
    while (!waits || !spinning) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        weir_dump(f);
        fclose(f);
        waits = strstr(text, "waits on channel receive") != NULL;
        free(text);
    }
    if (write(out, "x", 1) != 1)
        _exit(2);
    for (;;)
        pause();
}

static pid_t start_subject(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    child_skip();
    ck_assert_int_eq(pipe(ends), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        subject(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void end_subject(pid_t pid)
{
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static struct child said;

/* The words of a command, standard error as well. */
static void shell(const char *command)
{
    FILE *f = popen(command, "r");
    size_t n;

    ck_assert_ptr_nonnull(f);
    n = fread(said.text, 1, sizeof said.text - 1, f);
    said.text[n] = 0;
    (void)pclose(f);
}

static bool has(const char *program)
{
    char command[256];

    snprintf(command, sizeof command, "command -v %s", program);
    shell(command);
    if (said.text[0])
        return true;
    printf("skipped: no %s\n", program);
    return false;
}

static const char *source_folder(void)
{
    const char *folder = getenv("WEIR_SOURCE");
    return folder ? folder : ".";
}

static void gdb(const char *where)
{
    char command[1024];

    snprintf(
        command, sizeof command,
        "gdb -nx -q -batch -iex 'set debuginfod enabled off' "
        "-iex 'set print frame-arguments none' %s "
        "-ex 'source %s/gdb/weir-gdb.py' -ex 'weir tasks' "
        "-ex 'weir bt all' -ex 'weir bt 9' -ex 'weir bt x' 2>&1 </dev/null",
        where, source_folder());
    shell(command);
}

/* The frames in this order, and the last one is the end of the walk. */
static void check_frames(const char *from, const char *const *functions)
{
    for (; *functions; functions++) {
        from = strstr(from, *functions);
        if (!from)
            ck_abort_msg("no frame %s in\n%s", *functions, said.text);
    }
    from = strchr(from, '\n');
    ck_assert_ptr_nonnull(from);
    if (from[1] == '#')
        ck_abort_msg("the walk does not end there:\n%s", said.text);
}

static void check_listing(void)
{
    static const char *const parked[] = {
        "#0 ",        "wr_park_task",    "wait_for_orders",
        "task_entry", "wr_switch_entry", NULL};
    static const char *const running[] = {"#0 ", "spin", "task_entry",
                                          "wr_switch_entry", NULL};
    const char *rest;

    child_says(&said, "\"clerk\": waits on channel receive \"orders\", "
                      "spawned at subject+");
    child_says(&said, "unnamed: running, spawned at subject+");
    child_says(&said, "weir: 2 tasks\n");
    rest = strstr(said.text, "weir: 2 tasks\n");
    check_frames(strstr(rest, "\"clerk\""), parked);
    check_frames(strstr(rest, "running, spawned"), running);
    child_does_not_say(&said, "corrupt stack");
    child_says(&said, "weir: no task 9");
    child_says(&said, "usage: weir bt N|all");
}

START_TEST(a_live_process)
{
    char where[64];
    pid_t pid;

    if (!has("gdb"))
        return;
    pid = start_subject();
    snprintf(where, sizeof where, "-p %d", (int)pid);
    gdb(where);
    end_subject(pid);
    if (strstr(said.text, "Operation not permitted"))
        printf("skipped: gdb may not attach\n");
    else
        check_listing();
}
END_TEST

START_TEST(a_core)
{
    char folder[] = "/tmp/weir-core-XXXXXX", command[256], where[512];
    char self[256] = "";
    pid_t pid;

    if (check_is_slow()) {
        printf("skipped: a core of a sanitizer's shadow\n");
        return;
    }
    if (!has("gdb") || !has("gcore"))
        return;
    ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof self - 1), 0);
    pid = start_subject();
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(command, sizeof command, "gcore -o %s/core %d 2>&1 </dev/null",
             folder, (int)pid);
    shell(command);
    end_subject(pid);
    if (strstr(said.text, "Saved corefile")) {
        snprintf(where, sizeof where, "%s %s/core.%d", self, folder, (int)pid);
        gdb(where);
    } else {
        printf("skipped: gcore may not attach\n");
        said.text[0] = 0;
    }
    snprintf(command, sizeof command, "%s/core.%d", folder, (int)pid);
    (void)unlink(command);
    ck_assert_int_eq(rmdir(folder), 0);
    if (said.text[0])
        check_listing();
}
END_TEST

CHECK_MAIN(CHECK_LONG(a_live_process, LIMIT), CHECK_LONG(a_core, LIMIT))
