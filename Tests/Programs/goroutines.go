// A static Go program: raw SYSCALL instructions, many threads, timers, its own stacks and signals.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	var wg sync.WaitGroup
	results := make([]string, 64)
	for i := range results {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			time.Sleep(time.Duration(i%7) * time.Millisecond)
			sum := sha256.Sum256([]byte(fmt.Sprint("piece ", i)))
			results[i] = fmt.Sprintf("%x", sum[:4])
		}(i)
	}
	wg.Wait()
	runtime.GC()
	fmt.Println(results)

	c := make(chan int)
	go func() {
		for i := 0; i < 1000; i++ {
			c <- i
		}
		close(c)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	fmt.Println("sum", sum)

	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var p *int
		*p = 1
	}()
	_, err := os.Open("/does/not/exist")
	fmt.Println(err)
	r, w, _ := os.Pipe()
	go func() { w.Write([]byte("through a pipe")); w.Close() }()
	b := make([]byte, 100)
	n, _ := r.Read(b)
	fmt.Println(string(b[:n]))
	os.Exit(9)
}
