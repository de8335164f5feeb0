/* SPDX-License-Identifier: MIT */
/*
 * weir: tasks and channels with flow control. This header is the whole face;
 * each idea has a header of its own beside it in weir/.
 *
 * Every call that can wait works from a task and from any plain thread: a
 * task parks and frees its worker, a thread sleeps. A call that fails
 * returns a negative WEIR_ code; errno is never part of a contract.
 */
#ifndef WEIR_H
#define WEIR_H

#include <weir/base.h>
#include <weir/task.h>
#include <weir/ctx.h>
#include <weir/policy.h>
#include <weir/chan.h>
#include <weir/inplace.h>
#include <weir/stats.h>
#include <weir/select.h>
#include <weir/time.h>
#include <weir/wg.h>
#include <weir/group.h>
#include <weir/once.h>
#include <weir/mutex.h>
#include <weir/rwmutex.h>
#include <weir/cond.h>
#include <weir/sem.h>
#include <weir/barrier.h>
#include <weir/io.h>
#include <weir/signal.h>
#include <weir/bucket.h>
#include <weir/limiter.h>
#include <weir/breaker.h>
#include <weir/pool.h>
#include <weir/pipeline.h>
#include <weir/shutdown.h>
#include <weir/fan.h>
#include <weir/balance.h>
#include <weir/batcher.h>
#include <weir/stream.h>
#include <weir/stream_cache.h>
#include <weir/store.h>
#include <weir/store_log.h>
#include <weir/store_multi.h>
#include <weir/event.h>
#include <weir/sink.h>
#include <weir/queue.h>
#include <weir/broadcaster.h>
#include <weir/sinks.h>
#include <weir/backoff.h>
#include <weir/retry.h>
#include <weir/listener.h>
#include <weir/handlers.h>
#include <weir/tee.h>
#include <weir/pub.h>
#include <weir/consumer.h>
#include <weir/engine.h>

#endif
