package local

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
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
