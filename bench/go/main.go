// SPDX-License-Identifier: MIT

// The same rows as bench/c, in Go: `bench-go ROW OPS` runs one row, a round
// to warm up and then the same round for the figure. Every row does the
// operations of its namesake in C and checks the result in the same way.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// rowName is for messages.
var rowName string

// rows maps a name to a round of ops operations.
var rows = map[string]func(ops int){
	"yield-2":          func(ops int) { yield(ops, 2) },
	"yield-1000":       func(ops int) { yield(ops, 1000) },
	"spawn-join":       func(ops int) { spawn(ops, 1) },
	"spawn-100":        func(ops int) { spawn(ops, 100) },
	"fan-out":          func(ops int) { spawn(ops, ops) },
	"ping-pong":        pingPong,
	"stream":           stream,
	"ring-1000":        func(ops int) { ring(ops, 1000) },
	"pipeline-1000":    func(ops int) { pipeline(ops, 1000) },
	"try-pair":         tryPair,
	"try-empty":        tryEmpty,
	"buffer-1-1":       func(ops int) { buffer(ops, 1, 1, false) },
	"buffer-4-1":       func(ops int) { buffer(ops, 4, 1, false) },
	"buffer-1-4":       func(ops int) { buffer(ops, 1, 4, false) },
	"buffer-4-4":       func(ops int) { buffer(ops, 4, 4, false) },
	"buffer-threads":   func(ops int) { buffer(ops, 1, 1, true) },
	"select-ready-2":   func(ops int) { selectReady(ops, 2, select2) },
	"select-ready-8":   func(ops int) { selectReady(ops, 8, select8) },
	"select-ready-64":  func(ops int) { selectReady(ops, 64, select64) },
	"select-block-2":   func(ops int) { selectBlock(ops, 2, select2) },
	"select-block-8":   func(ops int) { selectBlock(ops, 8, select8) },
	"select-block-64":  func(ops int) { selectBlock(ops, 64, select64) },
	"sieve":            func(ops int) { sieve(ops, 37813) },
	"skynet":           skynet,
	"mutex-1":          func(ops int) { mutex(ops, 1) },
	"mutex-2":          func(ops int) { mutex(ops, 2) },
	"wait-group":       waitGroup,
	"cond":             condition,
	"drop-newest":      dropNewest,
	"drop-oldest":      dropOldest,
	"timer-cancel":     timerCancel,
	"timer-reset":      timerReset,
	"queue":            queueEvents,
	"broadcast":        func(ops int) { broadcastEvents(ops, false) },
	"broadcast-direct": func(ops int) { broadcastEvents(ops, true) },
	"stream-8":         streamReaders,
}

func report(name string, value float64) {
	fmt.Printf("%s %.3f\n", name, value)
}

func fail(what string, got, want int) {
	fmt.Fprintf(os.Stderr, "bench-go: %s: %s: %d instead of %d\n",
		rowName, what, got, want)
	os.Exit(1)
}

func expect(what string, got, want int) {
	if got != want {
		fail(what, got, want)
	}
}

func perOp(d time.Duration, ops int) float64 {
	return float64(d.Nanoseconds()) / float64(ops)
}

func main() {
	ops := 0
	if len(os.Args) == 3 {
		rowName = os.Args[1]
		ops, _ = strconv.Atoi(os.Args[2])
	}
	run := rows[rowName]
	if ops > 0 && run == nil && rowName != "park" {
		os.Exit(3) // nothing in Go to compare with
	}
	if ops <= 0 {
		fmt.Fprintln(os.Stderr, "usage: bench-go ROW OPS (see bench/rows)")
		os.Exit(2)
	}
	if rowName == "park" {
		park(ops)
		return
	}
	run(ops)
	start := time.Now()
	run(ops)
	report(rowName, perOp(time.Since(start), ops))
}
