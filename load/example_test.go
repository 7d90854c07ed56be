package load_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/load"
	"github.com/firedrill-dev/firedrill/verdict"
)

func ExampleNew() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	defer shop.Close()
	g, err := load.New(experiment.Load{
		Name: "purchase",
		HTTP: &experiment.HTTPRequest{Method: "POST", URL: shop.URL + "/purchase"},
		Body: `{"order":"{{.UUID}}","quantity":{{.Rand 1 5}}}`,
		Rate: []experiment.RateStep{{From: 50, To: 50}},
	}, load.Deps{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	first := make(chan string, 1)
	err = g.Run(ctx, func(o verdict.Observation) {
		select {
		case first <- o.Class:
		default:
		}
		enough()
	})
	fmt.Println(<-first, err)
	// Output: 201 <nil>
}

func ExampleSchedule() {
	ramp, err := load.NewSchedule([]experiment.RateStep{{From: 0, To: 10, For: 10 * time.Second}, {From: 10, To: 10}})
	if err != nil {
		fmt.Println(err)
		return
	}
	at, _ := ramp.At(8)
	fmt.Println(at, ramp.Due(10*time.Second), ramp.Due(20*time.Second))
	// Output: 4s 51 151
}
