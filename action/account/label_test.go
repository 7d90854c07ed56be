package account

import "testing"

// TestLabels: what was found by tag is called by what tells it from the others, and what was named as it was named.
func TestLabels(t *testing.T) {
	const table = "arn:aws:dynamodb:eu-west-1:123456789012:table/stock"
	for _, test := range []struct {
		name, want string
		of         int
	}{
		{table, "table/stock", 2},
		{table, table, 0},
		{"stock", "stock", 2},
		{"arn:aws:apigateway:eu-west-1::/restapis/a/stages/live", "/restapis/a/stages/live", 2},
	} {
		if got := (&Change{name: test.name, of: test.of}).Label(); got != test.want {
			t.Errorf("%s, one of %d: %s, want %s", test.name, test.of, got, test.want)
		}
	}
}
