package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/proxy"
)

type always struct{ set *fault.Set }

func (a always) Faults(time.Time) *fault.Set { return a.set }

// A proxy in front of a Runtime API that has nothing to do.
func ExampleProxy() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "asked ", r.URL.Path) }))
	defer api.Close()
	set, _ := fault.Parse([]byte(`{"latency":{"enabled":true,"min_latency":100}}`))
	p := proxy.New(proxy.Options{Upstream: api.Listener.Addr().String(), Source: always{set}, Log: os.Stderr})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- p.Serve(context.Background(), ln) }()

	answer, err := http.Get("http://" + ln.Addr().String() + "/2020-01-01/extension/event/next")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	fmt.Println(string(body))

	_ = ln.Close()
	p.Close()
	fmt.Println(<-served)
	// Output:
	// asked /2020-01-01/extension/event/next
	// <nil>
}

// The runtime's exit code is the proxy's.
func ExampleRun() {
	code, err := proxy.Run(context.Background(), proxy.Command{
		Args: []string{os.Args[0], "-test.run=^$"}, Stdout: io.Discard, Stderr: io.Discard,
		Environ: append(os.Environ(), proxy.RuntimeAPI+"=127.0.0.1:9001"),
	})
	fmt.Println(code, err)
	// Output: 0 <nil>
}
