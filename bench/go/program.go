// SPDX-License-Identifier: MIT

package main

import "sync"

func filter(in, out chan int, prime int) {
	for v := range in {
		if v%prime != 0 {
			out <- v
		}
	}
	close(out)
}

// sieve takes the numbers to last, which is the prime number ops.
func sieve(ops, last int) {
	c := make(chan int)
	first := c
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 2; i <= last; i++ {
			first <- i
		}
		close(first)
	})
	prime := 0
	for range ops {
		in, out, p := c, make(chan int), <-c
		wg.Go(func() { filter(in, out, p) })
		c, prime = out, p
	}
	expect("the last prime", prime, last)
	if v, ok := <-c; ok {
		fail("after it", v, 0)
	}
	wg.Wait()
}

func node(parent chan int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	c := make(chan int)
	part := leaves / 10
	for i := range 10 {
		go node(c, first+i*part, part)
	}
	sum := 0
	for range 10 {
		sum += <-c
	}
	parent <- sum
}

func skynet(ops int) {
	c := make(chan int)
	go node(c, 0, ops)
	expect("sum", <-c, sumBelow(ops))
}
