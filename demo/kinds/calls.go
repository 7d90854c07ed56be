package kinds

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/firedrill-dev/firedrill"
)

// exchangeRate is what the exchange's web service answers.
type exchangeRate struct {
	EURUSD float64 `json:"eur_usd"`
}

// rates asks a web service for the exchange rate. Its client has firedrill.Transport, by which faults of the kinds
// outgoing and denylist reach it; where nothing is armed that changes nothing.
type rates struct {
	client    *http.Client
	url       string
	lastKnown exchangeRate
}

// withRates makes a function of one of the methods of rates. No timeout is none.
func withRates(timeout time.Duration, handler func(*rates, context.Context) (exchangeRate, error)) setup {
	return func(world) (any, error) {
		url, err := exchange()
		if err != nil {
			return nil, err
		}
		client := &http.Client{Transport: firedrill.Transport(http.DefaultTransport), Timeout: timeout}
		r := &rates{client, url, exchangeRate{1.08}}
		return func(ctx context.Context) (exchangeRate, error) { return handler(r, ctx) }, nil
	}
}

// careless needs the answer.
func (r *rates) careless(ctx context.Context) (exchangeRate, error) { return r.fetch(ctx) }

// careful has a rate of yesterday, and an answer in any case.
func (r *rates) careful(ctx context.Context) (exchangeRate, error) {
	rate, err := r.fetch(ctx)
	if err != nil {
		slog.WarnContext(ctx, "the rate last known is used", "error", err)
		return r.lastKnown, nil
	}
	return rate, nil
}

func (r *rates) fetch(ctx context.Context) (rate exchangeRate, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return rate, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return rate, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return rate, fmt.Errorf("the exchange answered %s", resp.Status)
	}
	return rate, json.NewDecoder(resp.Body).Decode(&rate)
}

// exchange plays the exchange's web service, on a loopback port of its own, so that nothing leaves this machine.
func exchange() (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start the exchange: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"eur_usd":1.09}`)
	})}
	go func() { _ = server.Serve(listener) }() // until the process ends
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return "http://localhost:" + port, err
}

// lookup asks stock through AWS's SDK. The careless one's client does not retry, the careful one's does: that is the
// whole difference (see world.client).
type lookup struct{ invoke invoker }

// A customer asks how many there are.
type customer struct {
	Customer string `json:"customer"`
}

func (l lookup) available(ctx context.Context, _ customer) (level stockLevel, err error) {
	return level, l.invoke(ctx, "stock", nil, &level)
}
