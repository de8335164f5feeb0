/* SPDX-License-Identifier: MIT */
/*
 * The engine `file`: topics in a file, which survive the process, and which
 * several processes share. SQLite in WAL mode; a library of its own, so that
 * libweir needs nothing but libc.
 *
 * A program that is linked with the shared libweir just opens a URL:
 * libweir-file.so is loaded then. One that is linked with libweir.a links
 * libweir-file.a (pkg-config --static weir-file) and sqlite3, and makes the
 * engine known once:
 *
 *     weir_engine_register(weir_file_engine());
 *
 * URLs
 *     file:PATH?topic=NAME&sync=full&busy=10s      (see weir/pub.h)
 * PATH is any path, absolute or not, without control characters; made
 * absolute it has at most 480 bytes. A file that is not there is made, its
 * directory is not. A topic's name has 1..255 bytes and no control
 * characters; above 250 its subscriptions have to name a dead_letter. Beside
 * the file there are PATH-wal and PATH-shm while it is open; the last process
 * that closes it takes them away. Not for network file systems, as all of
 * SQLite.
 *
 * Guarantees
 *   - A publish that returned, an ack that returned, and the position of a
 *     group are in the file, all or none: a crash at any point loses nothing
 *     of it and delivers nothing again after its ack was stored. With
 *     sync=full that holds for the loss of power, with normal for all but the
 *     last moments before it, with off for the death of the process alone.
 *     That a message was delivered is never worth a wait for the disk: after
 *     a loss of power it may be delivered again.
 *   - What is stored goes to PATH-wal first, and from there to the file, a few
 *     MB at a time. Who moves it moves what others have stored as well, so that
 *     is waited for whatever the mode: with sync=off, too, once for so many MB,
 *     and when the last handle ends. With off PATH-wal may grow to 32 MB, with
 *     normal and full to 4 MB, or by as much as one transaction has.
 *   - What all parties of a process ask for at a time is one transaction: a
 *     hundred publishers wait for one fsync, not for a hundred.
 *   - Processes on one file share topics and groups. A message that one of
 *     them publishes wakes the others; nobody polls. When one dies, what was
 *     delivered there is delivered again after its ack_wait.
 *   - max_age stays with the topic until a publisher with another one
 *     publishes. The age of a message, ack_wait, a nak's delay and dedup are
 *     measured on the system's wall clock, which all processes share and
 *     which goes on while none runs: when it is set, they shift with it.
 *   - Keys are compared by a hash of 64 bits: two keys that have the same one
 *     are kept in one order, as if they were the same key.
 *   - A subscription without a group renews a lease of 30 s, which does not
 *     depend on the wall clock; one whose process was stopped for longer than
 *     that may find its group gone (WEIR_CLOSED).
 *   - A file that a process has open costs it a thread, however many handles
 *     there are, and a call a hand-over to that thread: batches are cheaper.
 *     While it runs, weir_run sees no deadlock. It ends with the last handle,
 *     which waits for it.
 *   - A process that forks goes on; its child gets WEIR_FORKED, and never
 *     touches the file.
 *
 * Codes, besides those of weir/pub.h, each with a sentence when it comes from
 * an open: WEIR_CORRUPT: the file is damaged, no database, the database of
 * another program, or of a newer version of this one; WEIR_BUSY: another
 * process held the lock for longer than `busy`; -ESTALE: the file was removed,
 * moved or replaced while it was open, which who waits is told at once (when a
 * folder above it was moved, at the next call); -ENOSPC, -EACCES, -EROFS,
 * -EISDIR, -ELOOP, -ENAMETOOLONG, -ENOENT (its directory is not there), -EIO
 * and other negated errnos of the system; WEIR_UNSUPPORTED: a file system
 * without what WAL needs. WEIR_EINVAL: an empty path, control characters, or
 * what is no regular file.
 */
#ifndef WEIR_FILE_H
#define WEIR_FILE_H

#include <weir/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The engine. Static. Any task or thread. */
WEIR_API const weir_engine *weir_file_engine(void);

#ifdef __cplusplus
}
#endif
#endif
