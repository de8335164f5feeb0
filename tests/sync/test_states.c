/* SPDX-License-Identifier: MIT */
/*
 * The objects do not need the runtime: plain threads use them before it has
 * started, without starting it, and after it has stopped. In the child of a
 * fork, whose runtime is dead, what need not wait still works, and what must
 * wait says so.
 */
#include <sys/wait.h>
#include <unistd.h>
#include "queued.h"

struct everything {
    weir_mutex m;
    weir_cond c;
    weir_rwmutex rw;
    weir_sem sem;
    weir_wg wg;
    weir_once once;
    weir_barrier barrier;
    weir_ctx ctx;
    int rounds, sum; /* sum: under m */
};

static struct everything fresh(void)
{
    return (struct everything){.m = WEIR_MUTEX_INIT,
                               .c = WEIR_COND_INIT,
                               .rw = WEIR_RWMUTEX_INIT,
                               .sem = WEIR_SEM_INIT(1),
                               .wg = WEIR_WG_INIT,
                               .once = WEIR_ONCE_INIT,
                               .barrier = WEIR_BARRIER_INIT(2),
                               .ctx = WEIR_CTX_INIT,
                               .rounds = check_scale(500)};
}

static void nothing(void *arg)
{
    (void)arg;
}

static void use_all(struct everything *e, int me)
{
    int i;

    must_eq(weir_once_do(&e->once, nothing, NULL), 0);
    for (i = 0; i < e->rounds; i++) {
        must(weir_barrier_wait(&e->barrier, NULL) >= 0);
        must_eq(weir_sem_acquire(&e->sem, 1, NULL), 0);
        must_eq(weir_sem_release(&e->sem, 1), 0);
        must_eq(weir_rwmutex_lock(&e->rw, NULL), 0);
        must_eq(weir_rwmutex_unlock(&e->rw), 0);
        must_eq(weir_mutex_lock(&e->m, NULL), 0);
        while (e->sum % 2 != me)
            must_eq(weir_cond_wait(&e->c, &e->m, NULL), 0);
        e->sum++;
        must_eq(weir_cond_signal(&e->c), 0);
        must_eq(weir_mutex_unlock(&e->m), 0);
    }
    must_eq(weir_wg_done(&e->wg), 0);
    must_eq(weir_ctx_wait(&e->ctx, NULL), WEIR_CANCELED);
}

static void *second(void *arg)
{
    use_all(arg, 1);
    return NULL;
}

static void *first(void *arg)
{
    use_all(arg, 0);
    return NULL;
}

static void two_threads_use_all(void)
{
    struct everything e = fresh();
    pthread_t a, b;

    must_eq(weir_wg_add(&e.wg, 2), 0);
    must_eq(pthread_create(&a, NULL, first, &e), 0);
    must_eq(pthread_create(&b, NULL, second, &e), 0);
    must_eq(weir_wg_wait(&e.wg, NULL), 0);
    must_eq(weir_ctx_cancel(&e.ctx, 0), 0);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    must_eq(e.sum, 2 * e.rounds);
    must_eq(weir_ctx_fini(&e.ctx), 0);
}

START_TEST(threads_need_no_runtime)
{
    two_threads_use_all();
    must_eq(weir_workers(), 0);
}
END_TEST

START_TEST(threads_go_on_after_the_stop)
{
    must_eq(weir_start(NULL), 0);
    two_threads_use_all();
    must_eq(weir_stop(WEIR_FOREVER), 0);
    two_threads_use_all();
    must_eq(weir_workers(), 0);
}
END_TEST

/* A deadline is the one thing that starts it: somebody must keep the time. */
START_TEST(a_deadline_starts_the_runtime)
{
    weir_ctx ctx;
    int i;

    for (i = 0; i < 3; i++) {
        must_eq(weir_workers(), 0);
        must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
        must(weir_workers() > 0);
        must_eq(weir_ctx_wait(&ctx, NULL), WEIR_TIMEDOUT);
        must_eq(weir_ctx_fini(&ctx), 0);
        must_eq(weir_stop(WEIR_FOREVER), 0);
    }
}
END_TEST

/* A host that runs the tasks itself waits for what they do. */
static void finish(void *arg)
{
    weir_yield();
    must_eq(weir_wg_done(arg), 0);
}

START_TEST(a_host_waits_and_runs_the_tasks)
{
    const weir_opts hosted = {.hosted = true};
    weir_wg wg = WEIR_WG_INIT;
    weir_ctx ctx;

    must_eq(weir_start(&hosted), 0);
    must(weir_run_once(0) >= 0); /* this thread is the host */
    must_eq(weir_wg_add(&wg, 1), 0);
    must_eq(weir_go(finish, &wg), 0);
    must_eq(weir_wg_wait(&wg, NULL), 0);
    must_eq(weir_ctx_init_timeout(&ctx, NULL, WEIR_MILLISECOND), 0);
    must_eq(weir_ctx_wait(&ctx, NULL), WEIR_TIMEDOUT);
    must_eq(weir_ctx_fini(&ctx), 0);
    must_eq(weir_stop(0), 0);
}
END_TEST

/* The host sleeps in the poller; a plain thread wakes it. */
static void *finish_on_a_thread(void *arg)
{
    finish(arg);
    return NULL;
}

START_TEST(a_thread_wakes_the_host)
{
    const weir_opts hosted = {.hosted = true};
    int i, rounds = check_scale(500);

    must_eq(weir_start(&hosted), 0);
    must(weir_run_once(0) >= 0);
    for (i = 0; i < rounds; i++) {
        weir_wg wg = WEIR_WG_INIT;
        pthread_t thread;

        must_eq(weir_wg_add(&wg, 1), 0);
        must_eq(pthread_create(&thread, NULL, finish_on_a_thread, &wg), 0);
        must_eq(weir_wg_wait(&wg, NULL), 0);
        pthread_join(thread, NULL);
    }
    must_eq(weir_stop(0), 0);
}
END_TEST

static void child_of_a_fork(struct everything *e)
{
    weir_ctx timed;

    must_eq(weir_mutex_lock(&e->m, NULL), 0);
    must_eq(weir_mutex_lock(&e->m, NULL), WEIR_FORKED);
    must_eq(weir_cond_wait(&e->c, &e->m, NULL), WEIR_FORKED);
    must_eq(weir_mutex_unlock(&e->m), 0);
    must_eq(weir_sem_acquire(&e->sem, 1, NULL), 0);
    must_eq(weir_sem_acquire(&e->sem, 1, NULL), WEIR_FORKED);
    must_eq(weir_rwmutex_rlock(&e->rw, NULL), 0);
    must_eq(weir_rwmutex_lock(&e->rw, NULL), WEIR_FORKED);
    must_eq(weir_rwmutex_rlock(&e->rw, NULL), 0);
    must_eq(weir_barrier_wait(&e->barrier, NULL), WEIR_FORKED);
    must_eq(weir_wg_wait(&e->wg, NULL), 0);
    must_eq(weir_wg_go(&e->wg, nothing, NULL), WEIR_FORKED);
    must_eq(weir_wg_wait(&e->wg, NULL), 0);
    must_eq(weir_wg_add(&e->wg, 1), 0);
    must_eq(weir_wg_wait(&e->wg, NULL), WEIR_FORKED);
    must_eq(weir_ctx_wait(&e->ctx, NULL), WEIR_FORKED);
    must_eq(weir_ctx_init_timeout(&timed, NULL, WEIR_MINUTE), WEIR_FORKED);
    must_eq(weir_ctx_cancel(&e->ctx, 0), 0);
    must_eq(weir_ctx_fini(&e->ctx), 0);
}

START_TEST(the_child_of_a_fork_is_told)
{
    struct everything e = fresh();
    int status;
    pid_t pid;

    must_eq(weir_start(NULL), 0);
    pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        child_of_a_fork(&e);
        _exit(7);
    }
    must_eq(waitpid(pid, &status, 0), pid);
    must(WIFEXITED(status));
    must_eq(WEXITSTATUS(status), 7);
    must_eq(weir_stop(WEIR_FOREVER), 0);
}
END_TEST

CHECK_MAIN(CHECK_TEST(threads_need_no_runtime),
           CHECK_TEST(threads_go_on_after_the_stop),
           CHECK_TEST(a_deadline_starts_the_runtime),
           CHECK_TEST(a_host_waits_and_runs_the_tasks),
           CHECK_TEST(a_thread_wakes_the_host),
           CHECK_TEST(the_child_of_a_fork_is_told))
