// SPDX-License-Identifier: MIT

package main

import "sync/atomic"

const flowCapacity = 1024

// dropNewest sends into a full channel with the usual select and default. Drops
// are counted where any goroutine may read them, as weir does.
func dropNewest(ops int) {
	c := make(chan int, flowCapacity)
	var dropped atomic.Int64
	for i := range ops {
		select {
		case c <- i:
		default:
			dropped.Add(1)
		}
	}
	expect("dropped", int(dropped.Load()), ops-flowCapacity)
}

// dropOldest makes room by receiving, as Go programs do.
func dropOldest(ops int) {
	c := make(chan int, flowCapacity)
	var dropped atomic.Int64
	for i := range ops {
		for sent := false; !sent; {
			select {
			case c <- i:
				sent = true
			default:
				select {
				case <-c:
					dropped.Add(1)
				default:
				}
			}
		}
	}
	expect("dropped", int(dropped.Load()), ops-flowCapacity)
}
