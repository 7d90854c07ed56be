// Bench measures the layer's proxy against a bare TCP relay, in one run: what each adds to the median invocation,
// what throughput it leaves, its memory, how soon after exec it listens, and how soon the runtime behind it runs.
//
//	go run ./proxy/bench [-json] [-check] [-quick]
//
// A small upstream serves events without waiting, a client loop plays the runtime (get the event, post a chunked
// response with declared trailers, as aws-lambda-go does), and upstream, relay and proxy are processes of their
// own, all on one CPU where the system can pin them. The paths take turns in short rounds, so that what else
// the machine does hits them alike. -check exits with 1 if a bar is missed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// limit bounds a run in time, whatever happens.
const limit = 3 * time.Minute

func main() {
	born := time.Now()
	asJSON := flag.Bool("json", false, "print one JSON object")
	check := flag.Bool("check", false, "exit with 1 if a bar is missed")
	quick := flag.Bool("quick", false, "a tenth of the invocations: a look, not a measurement")
	role := flag.String("role", "", "internal: what this process is to be")
	target := flag.String("target", "", "internal: where the relay connects")
	flag.Parse()
	if *role == "born" {
		fmt.Println(born.UnixNano())
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, *role, *target, *quick, *asJSON, *check); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, role, target string, quick, asJSON, check bool) error {
	switch role {
	case "upstream":
		return upstream(os.Stdin, os.Stdout)
	case "relay":
		return relay(target, os.Stdin, os.Stdout)
	case "child": // stands for the runtime behind the proxy; the client loop does its work
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	result, err := measure(ctx, quick)
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(result)
	} else {
		err = result.print(os.Stdout)
	}
	if err == nil && check && !result.Pass {
		err = fmt.Errorf("a bar is missed")
	}
	return err
}
