/* SPDX-License-Identifier: MIT */
/*
 * Stores whose paths keep everything: in memory, or in the files of a
 * directory, where they outlive the process. A path is a stream
 * (weir/stream.h) of whole messages: each reader gets all of them from the
 * first one on, whenever it comes, and holds nobody up. After the memory and
 * file backends of omnistorage.
 *
 *   backend "memory"
 *   backend "file"
 *
 * In its account `written` is what this store has, `kept` what there is.
 *
 * No write waits for a reader, and no policy drops anything: what exceeds
 * max_bytes is WEIR_FULL. A broadcast writes to all paths as a writer does,
 * also with WEIR_STORE_DROP_OLDEST.
 *
 * Of "file": each path is a file of its own, each message has a checksum. A
 * path that a writer has closed has ended for good. One that was open when its
 * store was closed, or its process ended in whatever way, is open again for
 * the next store: each message whose write returned 0 is there, of one whose
 * writing was cut off nothing is served. To find its end, the file is gone
 * through once when the path is opened first. One store has a path that is
 * open; in others, of this process or another, opening and deleting it are
 * WEIR_BUSY until it has ended.
 *
 * A name of a path there is one of a file, too, in which '/' and the like are
 * escaped, so no path leads out of the directory. It is WEIR_EINVAL when it is
 * absolute, climbs (".."), has an empty or "." part, or is longer than 250
 * bytes, in which each byte but letters, digits, '-', '_' and '.' counts three
 * times; weir_store_path_error has the sentence. Symbolic links are -ELOOP,
 * other kinds of files WEIR_UNSUPPORTED, and what is no file of messages is
 * WEIR_CORRUPT. So is the read that comes upon a damaged message; the next one
 * goes on behind it, or is WEIR_CORRUPT for good where the damage hides how
 * far it goes, and such a path takes no more messages. Other errors are the
 * system's, such as -EACCES, -EROFS, -ESTALE when another file has taken the
 * name, and -ENOSPC, after which the path goes on when there is room.
 */
#ifndef WEIR_STORE_LOG_H
#define WEIR_STORE_LOG_H

#include <weir/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A store in memory. max_bytes is the limit of a path, in which each message
 * counts 17 bytes more than it has; 0: none. Option "max_bytes": 1 .. 2^62.
 * 0; WEIR_ENOMEM, WEIR_EINVAL.
 */
WEIR_API int weir_store_memory(weir_store **s, uint64_t max_bytes);

/* When what was written is made safe against a stop of the machine. Against
 * the end of the process it always is. */
enum weir_store_sync {
    WEIR_STORE_SYNC_END,    /* when the path ends                           */
    WEIR_STORE_SYNC_NEVER,  /* when the system likes                        */
    WEIR_STORE_SYNC_MESSAGE /* before each write returns                    */
};

/* Options of a store of files. Zero means the default. */
typedef struct weir_store_file_opts {
    uint64_t max_bytes; /* as for weir_store_memory                         */
    enum weir_store_sync sync;
} weir_store_file_opts;

/*
 * A store of the files in the directory, which must exist; those whose names
 * it did not give are left alone. o may be NULL. Options: "dir"; "max_bytes";
 * "sync": end, never, message. 0; a negated errno: the directory cannot be
 * opened; WEIR_ENOMEM, WEIR_EINVAL.
 */
WEIR_API int weir_store_files(weir_store **s, const char *dir,
                              const weir_store_file_opts *o);

#ifdef __cplusplus
}
#endif
#endif
