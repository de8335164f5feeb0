/* SPDX-License-Identifier: MIT */
/* Waiting for descriptors: one epoll, and a bell in it to end a wait. */
#ifndef WR_PORT_POLLER_H
#define WR_PORT_POLLER_H

#include <stdbool.h>
#include <stdint.h>

struct wr_poller {
    int epoll_fd;
    int bell;
};

struct wr_poll_event {
    uint64_t token;
    uint32_t events; /* EPOLL* bits */
};

/* A token whose events end a wait and are not reported. */
#define WR_POLL_SILENT UINT64_MAX

/*
 * A descriptor that polls readable from a ring to the next silence. Opening
 * gives the descriptor, or a negated errno. Ringing is async-signal-safe.
 */
int wr_bell_open(void);
void wr_bell_ring(int bell);
void wr_bell_silence(int bell);

/* 0, or a negated errno. */
int wr_poller_open(struct wr_poller *p);
void wr_poller_close(struct wr_poller *p);

/* Reports the next of the events on fd, once, with the token. Arming again
 * replaces it. 0, or a negated errno: -EPERM when epoll refuses the kind. */
int wr_poller_arm(struct wr_poller *p, int fd, uint32_t events, uint64_t token);

/* Reports events on fd as long as they hold. */
int wr_poller_watch(struct wr_poller *p, int fd, uint32_t events,
                    uint64_t token);
void wr_poller_forget(struct wr_poller *p, int fd);

/* Waits at most timeout ns (0: does not wait, negative: no limit), stores up
 * to max events and returns how many; a kick is swallowed. */
int wr_poller_wait(struct wr_poller *p, int64_t timeout,
                   struct wr_poll_event *out, int max);

/* Ends a wait, or the next one. Async-signal-safe. */
void wr_poller_kick(struct wr_poller *p);

#endif
