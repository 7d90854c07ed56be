package local

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// invokeOver posts an event with a plain HTTP client and returns what went wrong.
func invokeOver(client *http.Client, url, event string) error {
	r, err := client.Post(url, "application/json", strings.NewReader(event))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK || r.Header.Get("X-Amz-Function-Error") != "" || !bytes.Equal(body, []byte(event)) {
		return &StartError{Subject: r.Status, Err: io.ErrUnexpectedEOF, Hint: string(body)}
	}
	return nil
}

func noop(b testing.TB) (h testHost, url string) {
	h = startHost(b, Config{Functions: []Function{testFunction(b, "noop", "noop")}}, nil)
	return h, "http://" + h.LambdaAddr() + "/2015-03-31/functions/noop/invocations"
}

// BenchmarkAlias invokes a function by its name and through an alias that draws lots, in turn, so that a busy machine slows
// both: what counts is the ratio of their medians.
func BenchmarkAlias(b *testing.B) {
	fn := testFunction(b, "noop", "noop")
	fn.Versions = []Version{{1, fn.clone()}, {2, fn.clone()}}
	fn.Aliases = []Alias{{Name: "live", Version: "1", Weights: map[string]float64{"2": 0.5}}}
	h := startHost(b, Config{Functions: []Function{fn}}, nil)
	client := &http.Client{Transport: &http.Transport{}}
	b.Cleanup(client.CloseIdleConnections)
	took := map[string][]time.Duration{}
	invoke := func(name string) {
		started := time.Now()
		if err := invokeOver(client, "http://"+h.LambdaAddr()+"/2015-03-31/functions/"+name+"/invocations", `{"hello":"world"}`); err != nil {
			b.Fatal(err)
		}
		took[name] = append(took[name], time.Since(started))
	}
	for range 20 { // both versions are warm
		invoke("noop:live")
		invoke("noop")
	}
	clear(took)
	for b.Loop() {
		invoke("noop")
		invoke("noop:live")
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return float64(took[name][len(took[name])/2].Microseconds())
	}
	b.ReportMetric(median("noop"), "us-directly")
	b.ReportMetric(median("noop:live"), "us-by-alias")
	b.ReportMetric(median("noop:live")/median("noop"), "ratio")
}

// BenchmarkChoose is the cost of finding the version alone.
func BenchmarkChoose(b *testing.B) {
	h := startHost(b, versioned(b), nil)
	fn := h.functions["hello"]
	fn.aliases["canary"] = newAlias(Alias{Name: "canary", Version: "1", Weights: map[string]float64{"2": 0.5}}, "")
	for _, qualifier := range []string{"", "1", "live", "canary"} {
		b.Run(fmt.Sprintf("%q", qualifier), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.choose(target{fn, qualifier}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One invocation of a Go function through the Lambda API, one after the other. The bar is 500 us.
func BenchmarkInvoke(b *testing.B) {
	_, url := noop(b)
	client := &http.Client{Transport: &http.Transport{}}
	b.Cleanup(client.CloseIdleConnections)
	if err := invokeOver(client, url, `{"warm":1}`); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := invokeOver(client, url, `{"hello":"world"}`); err != nil {
			b.Fatal(err)
		}
	}
}
