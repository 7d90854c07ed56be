package report_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/firedrill-dev/firedrill/report"
)

func ExampleText() {
	if err := report.Text(os.Stdout, failed(), report.Style{Width: 80}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ! ERROR  Purchases survive a hanging payment
	//   The run itself failed: function payment does not exist.
	//   hint: functions here: inventory, purchase
	//
	//   objective   A purchase answers within 1 s
	//
	//   measure           expected         baseline  fault                recovery
	//   purchase latency  p95 < 1s         –         –      · not judged  –
	//   purchase errors   error_rate < 2%  –         –      · not judged  –
	//
	//   fault       hanging payment: latency on 25 % of payment, never injected
	//
	//   run         01JD7ZTESTRUN0000000000006, 2026-11-21 09:00:00 UTC, 0.1 s
}

func ExampleJUnit() {
	var b strings.Builder
	if err := report.JUnit(&b, report.Of(held(), disproved())); err != nil {
		fmt.Println(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, "<testsuites") {
			fmt.Print(line)
		}
	}
	// Output:
	// <testsuites name="firedrill" tests="5" failures="1" errors="0" time="40.000">
}

func ExampleMarkdown() {
	if err := report.Markdown(os.Stdout, report.Of(failed()), 0); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ### ! error: Purchases survive a hanging payment
	//
	// > A purchase answers within 1 s
	//
	// The run itself failed: function payment does not exist.
	//
	// Hint: functions here: inventory, purchase
	//
	// | measure | expected | baseline | fault | outcome | recovery |
	// |---|---|---|---|---|---|
	// | purchase latency | p95 &lt; 1s | – | – | · not judged | – |
	// | purchase errors | error\_rate &lt; 2% | – | – | · not judged | – |
	//
	// - fault hanging payment: latency on 25 % of payment, never injected
	//
	// Run 01JD7ZTESTRUN0000000000006, 0.1 s
}

func ExampleHTML() {
	f, err := os.CreateTemp("", "report*.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.Remove(f.Name())
	fmt.Println(report.HTML(f, disproved()), f.Close())
	// Output: <nil> <nil>
}

func ExampleJSON() {
	var b strings.Builder
	err := report.JSON(&b, held())
	fmt.Println(strings.Contains(b.String(), `"verdict": "held"`), err)
	// Output: true <nil>
}
