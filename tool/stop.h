/* SPDX-License-Identifier: MIT */
/*
 * How a run is brought to an end before its time, in three steps that lie in
 * each other: no more input; nothing new is begun; what runs is broken off.
 * Each is a context that the work waits under, and the later ones end the
 * earlier with them.
 *
 * The first SIGINT, SIGTERM or SIGHUP takes the first step, and the last one
 * when the grace is over. The second signal ends the process at once.
 * SIGUSR1 asks for a snapshot.
 */
#ifndef WEIR_TOOL_STOP_H
#define WEIR_TOOL_STOP_H

#include <weir.h>

struct stop {
    weir_ctx work;  /* ended: what runs is broken off                       */
    weir_ctx begin; /* ended: nothing new is begun                          */
    weir_ctx input; /* ended: nothing more is read                          */
    int64_t grace;
    void (*snapshot)(void *arg); /* on SIGUSR1                              */
    void (*at_once)(void *arg);  /* the last words, before _exit            */
    void *arg;
    _Atomic int signal; /* the first that came, 0: none                     */
    weir_chan *signals;
    weir_wg watcher;
};

/* Starts to watch for signals. 0, or a code: they cannot be watched. */
int stop_start(struct stop *s, int64_t grace, void (*snapshot)(void *),
               void (*at_once)(void *), void *arg);

/* The run is over: stops watching. */
void stop_finish(struct stop *s);

#endif
