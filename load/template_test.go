package load

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTemplates(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 5, time.FixedZone("", 3600))
	tests := []struct{ source, want string }{
		{`{"sku":"A1"}`, `^\{"sku":"A1"\}$`},
		{`n={{.Seq}}`, `^n=7$`},
		{`{{.UUID}}`, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
		{`{{.Rand 3 5}}`, `^[345]$`},
		{`{{.Rand 4 4}}`, `^4$`},
		{`{{.Rand -9223372036854775808 9223372036854775807}}`, `^-?\d+$`},
		{`{{.Pick "a" "b"}}`, `^[ab]$`},
		{`{{.Pick 1 2.5}}`, `^(1|2\.5)$`},
		{`{{.}} {{$}}`, `^request 7 request 7$`},
		{`{{.Now}}`, `^2026-11-21T09:00:00\.000000005Z$`},
		{`{{if eq .Seq 7}}seven{{end}}`, `^seven$`},
		{`[{{range $i := 3}}{{if $i}},{{end}}{{$i}}{{end}}]`, `^\[0,1,2\]$`},
		{`{{define "a"}}{{range 2}}{{.}}{{end}}{{end}}{{template "a" .}}`, `^01$`},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			text, err := parseText(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			got, err := text.render(newDraw(1, 7, at))
			if err != nil || !regexp.MustCompile(tt.want).MatchString(got) {
				t.Errorf("got %q, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestTemplateMistakesAreFoundBeforeTraffic(t *testing.T) {
	for source, want := range map[string]string{
		`{{.Seq`:             "unclosed action",
		`{{.Nope}}`:          "can't evaluate field Nope",
		`{{.Rand 5 3}}`:      "no number is at least 5 and at most 3",
		`{{.Rand "a" 3}}`:    "expected integer",
		`{{.Pick}}`:          "something to pick from",
		`{{template "x"}}`:   `"x" not defined`,
		`{{uuid}}`:           "{{.UUID}}",
		`{{index nil 1}}`:    "nil",
		`{{.source.Uint64}}`: "unexported",

		`{{range 1000000000}}tell me more, and then tell me more{{end}}`:                                                               "more than 10485760 bytes",
		`{{range 1000000000}}{{end}}`:                                                                                                  "more than 1048576 steps",
		`{{range 9999}}{{range 9999}}{{$x := 1}}{{end}}{{else}}{{end}}`:                                                                "more than 1048576 steps",
		`{{if true}}{{with 1}}{{range 9999999}}{{if false}}x{{else}}{{end}}{{end}}{{end}}{{end}}`:                                      "more than 1048576 steps",
		`{{define "a"}}{{range 9999999}}{{continue}}{{end}}{{end}}{{template "a"}}`:                                                    "more than 1048576 steps",
		`{{define "a"}}{{template "b"}}{{template "b"}}{{end}}{{define "b"}}{{if true}}{{template "a"}}{{end}}{{end}}{{template "a"}}`: "exceeded maximum template depth",
	} {
		_, err := parseText(source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want an error with %q", source, err, want)
		}
	}
}

func TestSeed(t *testing.T) {
	text, err := parseText(`{{.UUID}} {{.UUID}} {{.Rand 1 1000000}} {{.Pick "a" "b" "c"}}`)
	if err != nil {
		t.Fatal(err)
	}
	render := func(seed, seq uint64) string {
		s, err := text.render(newDraw(seed, seq, time.Time{}))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	seen := map[string]bool{}
	for seed := range uint64(3) {
		for seq := range uint64(100) {
			s := render(seed, seq)
			if s != render(seed, seq) {
				t.Fatalf("seed %d, request %d: two renderings differ", seed, seq)
			}
			if seen[s] {
				t.Fatalf("seed %d, request %d: %q was sent before", seed, seq, s)
			}
			seen[s] = true
			if first, second, _ := strings.Cut(s, " "); strings.HasPrefix(second, first) {
				t.Fatalf("%q: one UUID twice", s)
			}
		}
	}
}

// TestRandIsUniform: 6,000 throws of a die, chi-square with 5 degrees of freedom, 0.1 % point 20.5. The seed is fixed.
func TestRandIsUniform(t *testing.T) {
	var faces [7]float64
	for seq := range uint64(6000) {
		n, err := newDraw(42, seq, time.Time{}).Rand(1, 6)
		if err != nil {
			t.Fatal(err)
		}
		faces[n]++
	}
	chi := 0.0
	for _, n := range faces[1:] {
		chi += (n - 1000) * (n - 1000) / 1000
	}
	if chi > 20.5 {
		t.Errorf("chi-square %.1f of %v", chi, faces[1:])
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "plain", "{{.Seq}}", "{{.UUID}}", "{{.Rand 1 2}}", `{{.Pick "a"}}`, "{{", "{{.Rand 9 1}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "range") || strings.Contains(source, "printf") {
			t.Skip("as large or slow as its author wishes")
		}
		text, err := parseText(source)
		if err != nil {
			return
		}
		a, errA := text.render(newDraw(5, 1, time.Time{}))
		b, errB := text.render(newDraw(5, 1, time.Time{}))
		if a != b || (errA == nil) != (errB == nil) {
			t.Errorf("%q: %q, %v and then %q, %v", source, a, errA, b, errB)
		}
	})
}
