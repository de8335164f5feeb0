// SPDX-License-Identifier: MIT

package main

const flowCapacity = 1024

// dropNewest sends into a full channel with the usual select and default.
func dropNewest(ops int) {
	c := make(chan int, flowCapacity)
	dropped := 0
	for i := range ops {
		select {
		case c <- i:
		default:
			dropped++
		}
	}
	expect("dropped", dropped, ops-flowCapacity)
}

// dropOldest makes room by receiving, as Go programs do.
func dropOldest(ops int) {
	c := make(chan int, flowCapacity)
	dropped := 0
	for i := range ops {
		for sent := false; !sent; {
			select {
			case c <- i:
				sent = true
			default:
				select {
				case <-c:
					dropped++
				default:
				}
			}
		}
	}
	expect("dropped", dropped, ops-flowCapacity)
}
