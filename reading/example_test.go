package reading_test

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/reading"
)

func ExampleConditions() {
	document := []byte(`{"isEnabled": true, "failureMode": "latency", "rate": 0.29, "minLatency": 100, "maxLatency": 400}`)
	fmt.Print(reading.Conditions(document, "inventory", time.Now()))
	// Output:
	// conditions:
	//   - name: latency
	//     fault: latency
	//     target: {lambda: "inventory"}
	//     with: {min: 100ms, max: 400ms}
	//     percentage: 29%
}
