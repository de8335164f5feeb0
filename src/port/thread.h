/* SPDX-License-Identifier: MIT */
/* Threads of the library's own. They block every signal: a program's handlers
 * run on the program's threads. */
#ifndef WR_PORT_THREAD_H
#define WR_PORT_THREAD_H

#include <pthread.h>

typedef pthread_t wr_thread;

/* 0, or WEIR_ENOMEM: no memory, or the limit on threads. The name is for
 * debuggers, at most 15 bytes; NULL for a thread that may end at once and
 * names itself. */
int wr_thread_start(wr_thread *t, const char *name, void *(*fn)(void *),
                    void *arg);
void wr_thread_join(wr_thread t);
void wr_thread_detach(wr_thread t);

wr_thread wr_thread_self(void);
void wr_thread_name(const char *name);

/* sched_yield: somebody else's turn on this processor. */
void wr_thread_yield(void);

#endif
