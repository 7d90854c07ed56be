package fault

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func mustParse(b *testing.B, doc string) *Set {
	b.Helper()
	set, problems := Parse([]byte(doc))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	return set
}

func BenchmarkPlan(b *testing.B) {
	big := fmt.Appendf(nil, `{"body":%q,"rawPath":"/api/orders"}`, strings.Repeat(`{"sku":"A1","text":"some words"},`, 3000))
	now := time.Now()
	for _, bench := range []struct {
		name, doc string
		event     []byte
	}{
		{"nothing", `{}`, nil},
		{"zero percent", `{"latency":{"enabled":true,"percentage":0,"min_latency":100}}`, nil},
		{"spared", `{"latency":{"enabled":true,"percentage":0.000001,"min_latency":100}}`, nil},
		{"hit", `{"latency":{"enabled":true,"min_latency":100,"max_latency":200}}`, nil},
		{"match small", `{"latency":{"enabled":true,"match":[{"path":"rawPath","value":"/x"}]}}`, []byte(`{"rawPath":"/api/orders"}`)},
		{"match 100 kB", `{"latency":{"enabled":true,"match":[{"path":"rawPath","value":"/x"}]}}`, big},
	} {
		set := mustParse(b, bench.doc)
		inv := Invocation{RequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd", Event: bench.event}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.event)))
			for b.Loop() {
				set.Plan(inv, now)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	doc := []byte(`{"latency":{"enabled":true,"percentage":50,"min_latency":100,"max_latency":400,
		"match":[{"path":"requestContext.http.path","operator":"startsWith","value":"/api"}]},
		"firedrill":{"run":"01J","expires_at":"2026-11-21T10:00:00Z","seed":42}}`)
	b.ReportAllocs()
	for b.Loop() {
		Parse(doc)
	}
}

// BenchmarkMarkResponse: the body is passed over, not decoded, and copied once.
func BenchmarkMarkResponse(b *testing.B) {
	mark := Mark{Run: "01J8XK5PZ0000000000000000"}
	for _, size := range []int{1 << 10, 100 << 10} {
		response := []byte(`{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"` + strings.Repeat("x", size) + `"}`)
		b.Run(fmt.Sprintf("%d kB", size>>10), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, changed := mark.Response(response); !changed {
					b.Fatal("not marked")
				}
			}
		})
	}
}
