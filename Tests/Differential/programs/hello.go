package main

import (
	"fmt"
	"os"
	"sync"
)

func main() {
	results := make(chan int, 100)
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			results <- n * n
		}(i)
	}
	group.Wait()
	close(results)
	sum := 0
	for r := range results {
		sum += r
	}
	fmt.Println("sum of squares", sum)
	os.Exit(5)
}
