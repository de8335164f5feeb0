// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func yield(ops, n int) {
	var wg sync.WaitGroup
	done := make([]int, n)
	for i := range n {
		wg.Go(func() {
			count := 0
			for ; count < ops/n; count++ {
				runtime.Gosched()
			}
			done[i] = count
		})
	}
	wg.Wait()
	sum := 0
	for _, d := range done {
		sum += d
	}
	expect("yields", sum, ops)
}

func spawn(ops, lot int) {
	var wg sync.WaitGroup
	var count atomic.Int64
	countOne := func() { count.Add(1) }
	for i := 0; i < ops; i += lot {
		for range lot {
			wg.Go(countOne)
		}
		wg.Wait()
	}
	expect("tasks run", int(count.Load()), ops)
}

// lot is what a million parked goroutines wait for and report to.
type lot struct {
	gate         chan int64
	ready, ended sync.WaitGroup
}

func (l *lot) waitAtGate() {
	l.ready.Done()
	if _, ok := <-l.gate; ok {
		fail("receive after close", 1, 0)
	}
}

func (l *lot) park(n int) {
	l.gate = make(chan int64)
	l.ready.Add(n)
	for range n {
		l.ended.Go(l.waitAtGate)
	}
	l.ready.Wait()
}

func (l *lot) release() {
	close(l.gate)
	l.ended.Wait()
}

func residentBytes() int {
	var size, resident int
	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(text), &size, &resident)
	}
	if err != nil {
		fail("/proc/self/statm", 0, 1)
	}
	return resident * os.Getpagesize()
}

func park(ops int) {
	var cold, warm lot
	before := residentBytes()
	cold.park(ops)
	report("park-bytes", float64(residentBytes()-before)/float64(ops))
	cold.release()

	start := time.Now()
	warm.park(ops)
	full := time.Now()
	warm.release()
	end := time.Now()
	report("park-spawn", perOp(full.Sub(start), ops))
	report("park-release", perOp(end.Sub(full), ops))
}
