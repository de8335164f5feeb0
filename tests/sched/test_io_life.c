/* SPDX-License-Identifier: MIT */
/* Descriptors over the runtime's life: a stop, a restart, a fork. */
#include <sys/wait.h>
#include "fds.h"

struct reader {
    int fd[2];
    atomic_int result;
};

static void read_one(void *arg)
{
    struct reader *r = arg;
    char c;
    r->result = (int)weir_read(r->fd[0], &c, 1, NULL);
}

static void *read_one_as_thread(void *arg)
{
    read_one(arg);
    return NULL;
}

START_TEST(a_task_left_over_goes_on_after_a_restart)
{
    struct reader r = {.result = 0};
    int i;
    must_eq(pipe(r.fd), 0);
    must_eq(weir_go(read_one, &r), 0);
    for (i = 0; i < 5; i++) {
        fds_await_waiters(r.fd[0], 1);
        must_eq(stop_leaving(0), 1);
        must_eq(weir_start(NULL), 0);
    }
    must_eq(stop_leaving(0), 1);
    must_eq(weir_write(r.fd[1], "x", 1, NULL), 1);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(r.result, 1);
    must_eq(weir_close(r.fd[0]), 0);
    must_eq(weir_close(r.fd[1]), 0);
}
END_TEST

START_TEST(a_task_left_over_is_ended_by_a_close)
{
    struct reader r = {.result = 0};
    must_eq(pipe(r.fd), 0);
    must_eq(weir_go(read_one, &r), 0);
    fds_await_waiters(r.fd[0], 1);
    must_eq(stop_leaving(0), 1);
    must_eq(weir_close(r.fd[0]), 0);
    must_eq(weir_start(NULL), 0);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(r.result, WEIR_CLOSED);
    must_eq(weir_close(r.fd[1]), 0);
}
END_TEST

START_TEST(a_stop_ends_the_wait_of_a_thread)
{
    struct reader r = {.result = 0};
    pthread_t thread;
    must_eq(pipe(r.fd), 0);
    must_eq(pthread_create(&thread, NULL, read_one_as_thread, &r), 0);
    fds_await_waiters(r.fd[0], 1);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(pthread_join(thread, NULL), 0);
    must_eq(r.result, WEIR_STOPPED);
    must_eq(weir_write(r.fd[1], "x", 1, NULL), 1);
    read_one(&r);
    must_eq(r.result, 1);
    must_eq(weir_close(r.fd[0]), 0);
    must_eq(weir_close(r.fd[1]), 0);
}
END_TEST

static void in_the_child(struct reader *r)
{
    char c;
    int other[2];
    must_eq(weir_read(r->fd[0], &c, 1, NULL), WEIR_FORKED);
    must_eq(weir_wait_fd(r->fd[0], WEIR_READABLE, NULL), WEIR_FORKED);
    must_eq(pipe(other), 0);
    must_eq(weir_write(other[1], "x", 1, NULL), 1);
    must_eq(weir_read(other[0], &c, 1, NULL), 1);
    must_eq(weir_close(other[0]), 0);
    must_eq(weir_close(r->fd[0]), 0);
}

START_TEST(a_forked_child_leaves_its_parents_waits_alone)
{
    struct reader r = {.result = 0};
    int status;
    must_eq(pipe(r.fd), 0);
    must_eq(weir_go(read_one, &r), 0);
    fds_await_waiters(r.fd[0], 1);
    pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
        in_the_child(&r);
        _exit(0);
    }
    must_eq(waitpid(child, &status, 0), child);
    must_eq(status, 0);
    must_eq(weir_write(r.fd[1], "x", 1, NULL), 1);
    must_eq(weir_stop(WEIR_FOREVER), 0);
    must_eq(r.result, 1);
    must_eq(weir_close(r.fd[0]), 0);
    must_eq(weir_close(r.fd[1]), 0);
}
END_TEST

/* A child that writes once it is told to; what tells it. */
static int start_writer(const struct reader *r, pid_t *child)
{
    int fd[2];
    char c;
    must_eq(pipe(fd), 0);
    *child = fork();
    must(*child >= 0);
    if (*child == 0) {
        close(fd[1]);
        _exit(read(fd[0], &c, 1) == 1 && write(r->fd[1], &c, 1) == 1 ? 0 : 1);
    }
    close(fd[0]);
    return fd[1];
}

struct told {
    struct reader r;
    int tell;
};

static int only_a_descriptor_can_wake(void *arg)
{
    struct told *t = arg;
    must_eq(write(t->tell, "x", 1), 1);
    read_one(&t->r);
    return t->r.result;
}

START_TEST(waiting_for_a_descriptor_is_no_deadlock)
{
    struct told t = {.tell = -1};
    pid_t child;
    int status;
    must_eq(pipe(t.r.fd), 0);
    t.tell = start_writer(&t.r, &child);
    must_eq(weir_run(only_a_descriptor_can_wake, &t), 1);
    must_eq(waitpid(child, &status, 0), child);
    must_eq(status, 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(a_task_left_over_goes_on_after_a_restart),
           CHECK_TEST(a_task_left_over_is_ended_by_a_close),
           CHECK_TEST(a_stop_ends_the_wait_of_a_thread),
           CHECK_TEST(a_forked_child_leaves_its_parents_waits_alone),
           CHECK_TEST(waiting_for_a_descriptor_is_no_deadlock))
