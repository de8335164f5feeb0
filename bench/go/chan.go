// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
)

func sumBelow(n int) int { return n * (n - 1) / 2 }

func relay(in, out chan int, times int) {
	for range times {
		out <- <-in + 1
	}
}

func pingPong(ops int) {
	in, out := make(chan int), make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() { relay(in, out, ops) })
	v := 0
	for range ops {
		in <- v
		v = <-out
	}
	expect("replies", v, ops)
	wg.Wait()
}

func sendNumbers(out chan int, times int) {
	for i := range times {
		out <- i
	}
}

func stream(ops int) {
	out := make(chan int)
	var wg sync.WaitGroup
	wg.Go(func() { sendNumbers(out, ops) })
	sum := 0
	for range ops {
		sum += <-out
	}
	expect("sum", sum, sumBelow(ops))
	wg.Wait()
}

// startRelays starts n relays in a row and gives the two ends.
func startRelays(wg *sync.WaitGroup, n, times int) (first, last chan int) {
	first = make(chan int)
	last = first
	for range n {
		in, out := last, make(chan int)
		wg.Go(func() { relay(in, out, times) })
		last = out
	}
	return first, last
}

func ring(ops, n int) {
	var wg sync.WaitGroup
	laps := ops / n
	first, last := startRelays(&wg, n-1, laps)
	token := 0
	for range laps {
		first <- token + 1
		token = <-last
	}
	expect("hops", token, ops)
	wg.Wait()
}

func pipeline(ops, n int) {
	var wg sync.WaitGroup
	messages := ops / n
	first, last := startRelays(&wg, n, messages)
	wg.Go(func() { sendNumbers(first, messages) })
	sum := 0
	for range messages {
		sum += <-last
	}
	expect("sum", sum, sumBelow(messages)+ops)
	wg.Wait()
}

func tryPair(ops int) {
	c := make(chan int, 128)
	sum := 0
	for i := range ops {
		select {
		case c <- i:
		default:
			fail("full", i, 0)
		}
		select {
		case v := <-c:
			sum += v
		default:
			fail("empty", i, 0)
		}
	}
	expect("sum", sum, sumBelow(ops))
}

func tryEmpty(ops int) {
	c := make(chan int, 128)
	empty := 0
	for range ops {
		select {
		case <-c:
		default:
			empty++
		}
	}
	expect("found empty", empty, ops)
}

// buffer sends ops messages through a channel of capacity 1024, from a
// senders to b receivers, each on a thread of its own if locked.
func buffer(ops, a, b int, locked bool) {
	c := make(chan int, 1024)
	sums := make([]int, b)
	var senders, receivers sync.WaitGroup
	for i := range b {
		receivers.Go(func() {
			if locked {
				runtime.LockOSThread()
			}
			sum := 0
			for v := range c {
				sum += v
			}
			sums[i] = sum
		})
	}
	for i := range a {
		senders.Go(func() {
			if locked {
				runtime.LockOSThread()
			}
			for v := ops * i / a; v < ops*(i+1)/a; v++ {
				c <- v
			}
		})
	}
	senders.Wait()
	close(c)
	receivers.Wait()
	sum := 0
	for _, s := range sums {
		sum += s
	}
	expect("sum", sum, sumBelow(ops))
}
