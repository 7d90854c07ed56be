package probe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/probe"
	"github.com/firedrill-dev/firedrill/verdict"
)

func ExampleNew() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"stock":[{"sku":"A1","count":7}]}`)
	}))
	defer shop.Close()

	expect, err := verdict.ParseExpectation("value > 0")
	if err != nil {
		panic(err)
	}
	p, err := probe.New(experiment.Measure{
		Name: "stock", Of: experiment.HTTP, Expect: expect,
		Probe: experiment.ProbeSpec{HTTP: &experiment.HTTPRequest{Method: "GET", URL: shop.URL}, JSONPath: "stock.0.count"},
	}, probe.Deps{})
	if err != nil {
		panic(err)
	}
	o, err := p.Read(context.Background())
	fmt.Println(o.Value, o.Class, o.Failed, err)
	// Output: 7 200 false <nil>
}
