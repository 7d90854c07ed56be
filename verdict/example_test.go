package verdict_test

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

func ExampleParseExpectation() {
	e, err := verdict.ParseExpectation("p95 < 400ms")
	fmt.Println(e.Statistic, e.Op, e.Threshold, e.Unit, err)
	_, err = verdict.ParseExpectation("median < 400ms")
	fmt.Println(err)
	// Output:
	// p95 < 0.4 seconds <nil>
	// expectation "median < 400ms": unknown statistic "median" (use p50)
}

func ExampleJudge() {
	e, err := verdict.ParseExpectation("error_rate < 1%")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range []int{200, 400} {
		f := verdict.Judge(e, make([]verdict.Observation, n), 10*time.Second)
		fmt.Printf("%s: %s\n", f.Outcome, f.Reason)
	}
	// Output:
	// inconclusive: error_rate is 0 % (95 % interval 0 % to 1.88 %, 200 samples): that leaves open whether it is < 1%; about 181 more like these would settle it
	// held: error_rate is 0 % (95 % interval 0 % to 0.951 %, 400 samples), which satisfies < 1%
}

func ExampleSamplesNeeded() {
	for _, text := range []string{"p95 < 400ms", "p99 < 1s", "error_rate < 1%"} {
		e, err := verdict.ParseExpectation(text)
		fmt.Println(text, verdict.SamplesNeeded(e), err)
	}
	// Output:
	// p95 < 400ms 72 <nil>
	// p99 < 1s 368 <nil>
	// error_rate < 1% 381 <nil>
}
