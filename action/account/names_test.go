package account

import (
	"slices"
	"testing"
)

// TestNames: who protects a table protects its indexes, and who protects a bus its rules.
func TestNames(t *testing.T) {
	for id, want := range map[string][]string{
		"arn:aws:lambda:eu-west-1:123456789012:function:shop":                    {"shop"},
		"arn:aws:s3:::shop-uploads":                                              {"shop-uploads"},
		"arn:aws:dynamodb:eu-west-1:123456789012:table/orders/index/by-customer": {"orders", "index", "by-customer"},
		"arn:aws:events:eu-west-1:123456789012:rule/shop/placed":                 {"shop", "placed"},
		"arn:aws:lambda:eu-west-1:123456789012:function:shop:live":               {"shop", "live"},
		"i-0123456789": {"i-0123456789"},
		"shop/live":    {"shop", "live"},
	} {
		if got := (&Change{name: "n", id: id}).Names(); !slices.Equal(got, append([]string{"n", id}, want...)) {
			t.Errorf("%s: %q", id, got)
		}
	}
}
