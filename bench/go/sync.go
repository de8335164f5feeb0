// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"time"
)

func mutex(ops, n int) {
	var wg sync.WaitGroup
	var lock sync.Mutex
	value := 0
	for range n {
		wg.Go(func() {
			for range ops / n {
				lock.Lock()
				value++
				lock.Unlock()
			}
		})
	}
	wg.Wait()
	expect("count", value, ops)
}

func waitGroup(ops int) {
	var wg sync.WaitGroup
	for range ops {
		wg.Add(1)
		wg.Done()
	}
	wg.Wait()
}

type court struct {
	lock    sync.Mutex
	turned  [2]*sync.Cond
	strokes int
}

// play does the strokes whose number is who modulo 2.
func (c *court) play(who, times int) {
	c.lock.Lock()
	for range times {
		for c.strokes%2 != who {
			c.turned[who].Wait()
		}
		c.strokes++
		c.turned[1-who].Signal()
	}
	c.lock.Unlock()
}

func condition(ops int) {
	var c court
	c.turned[0] = sync.NewCond(&c.lock)
	c.turned[1] = sync.NewCond(&c.lock)
	var wg sync.WaitGroup
	wg.Go(func() { c.play(1, ops) })
	c.play(0, ops)
	wg.Wait()
	expect("strokes", c.strokes, 2*ops)
}

func mustNotFire() { fail("timers fired", 1, 0) }

func timerCancel(ops int) {
	stopped := 0
	for range ops {
		t := time.AfterFunc(time.Hour, mustNotFire)
		if t.Stop() {
			stopped++
		}
	}
	expect("stopped", stopped, ops)
}

func timerReset(ops int) {
	t := time.AfterFunc(time.Hour, mustNotFire)
	moved := 0
	for range ops {
		if t.Reset(time.Hour) {
			moved++
		}
	}
	expect("moved", moved, ops)
	t.Stop()
}
