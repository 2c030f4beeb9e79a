// Go's asynchronous preemption: goroutines that compute without a call are stopped by a signal, or this
// never ends. Timers, tickers, contexts, the race of many goroutines with the collector.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var sink uint64

func main() {
	runtime.GOMAXPROCS(2)
	var stop int32
	for i := 0; i < 3; i++ {
		go func() {
			n := uint64(0)
			for {
				n = n*6364136223846793005 + 1
				if n == 42 {
					sink = n
				}
			}
		}()
	}
	done := make(chan bool)
	go func() {
		for i := 0; i < 4; i++ {
			runtime.GC()
		}
		done <- true
	}()
	select {
	case <-done:
		fmt.Println("collected beside loops")
	case <-time.After(60 * time.Second):
		fmt.Println("never stopped")
		os.Exit(1)
	}
	ticker := time.NewTicker(2 * time.Millisecond)
	ticks := 0
	for range ticker.C {
		if ticks++; ticks == 10 {
			break
		}
	}
	ticker.Stop()
	fmt.Println("ticks", ticks)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err())

	var wg sync.WaitGroup
	var total int64
	for g := 0; g < 200; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			kept := map[int][]byte{}
			for i := 0; i < 200; i++ {
				kept[i%20] = make([]byte, 1000+i)
				atomic.AddInt64(&total, int64(len(kept[i%20])))
			}
			runtime.LockOSThread()
			time.Sleep(time.Millisecond)
			runtime.UnlockOSThread()
		}(g)
	}
	wg.Wait()
	fmt.Println("total", total)
	debug.FreeOSMemory()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-signals)
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var deep func(int) int
		deep = func(n int) int { return deep(n+1) + 1 }
		debug.SetPanicOnFault(true)
		p := (*int)(nil)
		fmt.Println(*p, deep)
	}()
	atomic.StoreInt32(&stop, 1)
}
