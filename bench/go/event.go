// SPDX-License-Identifier: MIT

package main

import "sync"

const (
	sinkCount   = 10000
	readerCount = 8
	recordSize  = 64
	chunkSize   = 4096
)

// The interfaces and the shape of Docker's go-events, in plain Go: a queue is
// a slice under a mutex, and a goroutine that writes to the sink.

type event any

type sink interface {
	write(e event) error
	close() error
}

type countingSink struct{ count int }

func (c *countingSink) write(event) error {
	c.count++
	return nil
}

func (c *countingSink) close() error { return nil }

type eventQueue struct {
	dst    sink
	lock   sync.Mutex
	filled sync.Cond
	events []event
	closed bool
	done   chan struct{}
}

func newEventQueue(dst sink) *eventQueue {
	q := &eventQueue{dst: dst, done: make(chan struct{})}
	q.filled.L = &q.lock
	go q.run()
	return q
}

func (q *eventQueue) write(e event) error {
	q.lock.Lock()
	q.events = append(q.events, e)
	q.filled.Signal()
	q.lock.Unlock()
	return nil
}

func (q *eventQueue) next() (event, bool) {
	q.lock.Lock()
	defer q.lock.Unlock()
	for len(q.events) == 0 && !q.closed {
		q.filled.Wait()
	}
	if len(q.events) == 0 {
		return nil, false
	}
	e := q.events[0]
	q.events = q.events[1:]
	return e, true
}

func (q *eventQueue) run() {
	for e, more := q.next(); more; e, more = q.next() {
		q.dst.write(e)
	}
	close(q.done)
}

func (q *eventQueue) close() error {
	q.lock.Lock()
	q.closed = true
	q.filled.Signal()
	q.lock.Unlock()
	<-q.done
	return q.dst.close()
}

type broadcaster struct {
	sinks  []sink
	events chan event
	done   chan struct{}
}

func newBroadcaster(sinks []sink) *broadcaster {
	b := &broadcaster{sinks, make(chan event), make(chan struct{})}
	go b.run()
	return b
}

func (b *broadcaster) run() {
	for e := range b.events {
		for _, s := range b.sinks {
			s.write(e)
		}
	}
	close(b.done)
}

func (b *broadcaster) close() {
	close(b.events)
	<-b.done
	for _, s := range b.sinks {
		s.close()
	}
}

// ---- rows ------------------------------------------------------------------

func queueEvents(ops int) {
	var c countingSink
	q := newEventQueue(&c)
	e := event(&c)
	for range ops {
		q.write(e)
	}
	q.close()
	expect("delivered", c.count, ops)
}

func broadcastEvents(ops int, direct bool) {
	counts := make([]countingSink, sinkCount)
	sinks := make([]sink, sinkCount)
	for i := range sinks {
		sinks[i] = &counts[i]
		if !direct {
			sinks[i] = newEventQueue(sinks[i])
		}
	}
	b := newBroadcaster(sinks)
	e := event(&counts)
	for range ops / sinkCount {
		b.events <- e
	}
	b.close()
	for i := range counts {
		expect("delivered", counts[i].count, ops/sinkCount)
	}
}

// A stream in memory: bytes under a lock, which readers copy out.
type byteStream struct {
	lock   sync.RWMutex
	grown  *sync.Cond
	bytes  []byte
	closed bool
}

func (s *byteStream) write(p []byte) {
	s.lock.Lock()
	s.bytes = append(s.bytes, p...)
	s.lock.Unlock()
	s.grown.Broadcast()
}

func (s *byteStream) read(at int, p []byte) int {
	s.lock.RLock()
	defer s.lock.RUnlock()
	for at == len(s.bytes) && !s.closed {
		s.grown.Wait()
	}
	return copy(p, s.bytes[at:])
}

func (s *byteStream) close() {
	s.lock.Lock()
	s.closed = true
	s.lock.Unlock()
	s.grown.Broadcast()
}

func streamReaders(ops int) {
	var s byteStream
	var wg sync.WaitGroup
	s.grown = sync.NewCond(s.lock.RLocker())
	var counts [readerCount]int
	for i := range counts {
		wg.Go(func() {
			buf := make([]byte, chunkSize)
			for n := s.read(0, buf); n > 0; n = s.read(counts[i], buf) {
				counts[i] += n
			}
		})
	}
	record := make([]byte, recordSize)
	for range ops {
		s.write(record)
	}
	s.close()
	wg.Wait()
	for _, n := range counts {
		expect("read", n, ops*recordSize)
	}
}
