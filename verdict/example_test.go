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

func ExampleJudgeAgainst() {
	// Two versions answer the same load; the new one takes 27 % longer.
	answers := func(from float64) []verdict.Observation {
		obs := make([]verdict.Observation, 600)
		for i := range obs {
			obs[i].Value = from + 0.02*float64(i)/600
		}
		return obs
	}
	e, _ := verdict.ParseExpectation("p95 <= +10%")
	f := verdict.JudgeAgainst(e, answers(0.12), answers(0.09), verdict.Versus{})
	fmt.Println(f.Outcome)
	fmt.Println(f.Reason)

	f = verdict.JudgeAgainst(e, nil, answers(0.09), verdict.Versus{})
	fmt.Println(f.Outcome, f.Cause)
	// Output:
	// disproved
	// p95 is +27.5 % (95 % interval +27 % to +28.1 %, 600 samples against 600 samples), which violates <= +10%
	// inconclusive empty-subject
}

func ExampleHolm() {
	fmt.Println(verdict.Holm([]float64{0.01, 0.04, 0.03}))
	// Output: [0.03 0.06 0.06]
}

func ExampleSequential() {
	plan := verdict.Sequential{Looks: 4}
	for n := 1; n <= plan.Looks; n++ {
		fmt.Printf("look %d: disproved at %.2f %%\n", n, 100*(1-plan.Look(n)))
	}
	// Output:
	// look 1: disproved at 100.00 %
	// look 2: disproved at 99.70 %
	// look 3: disproved at 98.17 %
	// look 4: disproved at 95.60 %
}
