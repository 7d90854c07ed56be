package denylist

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// like is what Tables must do: search each expression in the name, in lower case.
func like(t testing.TB, expressions []string, name string) bool {
	t.Helper()
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r >= alphabet }) {
		return false
	}
	for _, e := range expressions {
		re, err := regexp.Compile("(?i)" + e)
		if err != nil {
			t.Fatal(err)
		}
		if re.MatchString(strings.ToLower(name)) {
			return true
		}
	}
	return false
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		expressions  string
		denied, pass string
	}{
		{`s3.*.amazonaws.com`, "s3.eu-west-1.amazonaws.com S3.AMAZONAWS.COM. b.s3.x.amazonaws.com.cn", "dynamodb.amazonaws.com s3.amazonaws.co"},
		{`^db\.internal$`, "db.internal DB.internal db.internal.", "xdb.internal db.internals db-internal db.internal.."},
		{`\bdb\b`, "db x.db db-1", "mydb db1"},
		{`S3`, "s3.example", "s-3"},
		{`^$`, "", "a"},
		{`a|^b$ c+d`, "a xbay b ccd", "cc bb"},
		{`.`, "x localhost 10.0.0.1", "ä xä"},
		{`(?-i:A)`, "", "a A"},
		{`(?s)a.b (?m)^q`, "a.b a\nb q x\nq", "ab xq"},
		{`[^.]+\.[^.]+$`, "a.b a.b.c", "a"},
		{`[[:^ascii:]]`, "", "a ä"},
	} {
		expressions := strings.Fields(tt.expressions)
		tables, err := Compile(expressions)
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.SplitSeq(tt.denied, " ") {
			if name != "" && !tables.Match(name) {
				t.Errorf("%q passes %q", name, expressions)
			}
		}
		for name := range strings.SplitSeq(tt.denied+" "+tt.pass, " ") {
			if got, want := tables.Match(name), like(t, expressions, name); got != want {
				t.Errorf("%q against %q: %v, want %v", name, expressions, got, want)
			}
		}
	}
}

func TestLongNames(t *testing.T) {
	tables, err := Compile([]string{"a$"})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]bool{maxName: true, maxName + 1: false} {
		if got := tables.Match(strings.Repeat("a", n) + "."); got != want {
			t.Errorf("a name of %d letters: %v", n, got)
		}
	}
}

// generate writes an expression of a grammar that has what expressions of hosts have, and worse.
func generate(r *rand.Rand, depth int) string {
	atoms := []string{"a", "b", "0", "-", `\.`, ".", "[a-c]", "[^.]", `\d`, `\w`, "^", "$", `\b`, `\B`, "(?i:B)", "", `\z`, "(?m:^)", "com", "K"}
	if depth == 0 {
		return atoms[r.IntN(len(atoms))]
	}
	sub := func() string { return generate(r, r.IntN(depth)) }
	switch r.IntN(7) {
	case 0:
		return "(?:" + sub() + ")" + []string{"*", "+", "?", "*?", "{2}", "{0,3}", "{1,}"}[r.IntN(7)]
	case 1:
		return "(?:" + sub() + "|" + sub() + ")"
	case 2:
		return sub() + ".*" + sub()
	default:
		return sub() + sub() + sub()
	}
}

func name(r *rand.Rand) string {
	const letters = "aabbcck0.-_B\nK"
	b := make([]byte, r.IntN(24))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	if r.IntN(20) == 0 {
		return string(b) + "ä"
	}
	return string(b) + []string{"", "", ".com", "."}[r.IntN(4)]
}

// The tables do what package regexp does, whatever the expressions and the names.
func TestTablesAreTheExpressions(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		var expressions []string
		for range 1 + r.IntN(5) {
			expressions = append(expressions, generate(r, 4))
		}
		tables, err := Compile(expressions)
		if err != nil {
			var large *TooLargeError
			if !errors.As(err, &large) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			continue
		}
		for range 60 {
			n := name(r)
			if got, want := tables.Match(n), like(t, expressions, n); got != want {
				t.Fatalf("seed %d: %q against %q: %v, want %v", seed, n, expressions, got, want)
			}
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`^(?:.*\.amazonaws\.com)$`, "s3.amazonaws.com")
	f.Add(`a.{40}b`, "ab")
	f.Fuzz(func(t *testing.T, expression, name string) {
		if len(expression) > 200 {
			return
		}
		if _, err := regexp.Compile("(?i)" + expression); err != nil {
			return
		}
		tables, err := Compile([]string{expression})
		if err != nil {
			return
		}
		if got, want := tables.Match(name), like(t, []string{expression}, name); got != want {
			t.Errorf("%q against %q: %v, want %v", name, expression, got, want)
		}
	})
}

func TestTooLarge(t *testing.T) {
	for _, e := range []string{`a.{40}b`, `(?:(?:[a-z]{0,900}x){0,1}){0,1}.{20}y`} {
		var large *TooLargeError
		if _, err := Compile([]string{"good", e}); !errors.As(err, &large) || large.Expression != e {
			t.Errorf("%s: %v", e, err)
		}
	}
}

// Expressions that would have many states together stand beside each other.
func TestManyTables(t *testing.T) {
	var expressions []string
	for i := range 14 {
		expressions = append(expressions, fmt.Sprintf("x%c.*y%c", 'a'+i, 'a'+i))
	}
	tables, err := Compile(expressions)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tables.automata); n < 2 {
		t.Errorf("%d tables: the test tests nothing", n)
	}
	for i := range 14 {
		for name, want := range map[string]bool{
			fmt.Sprintf("xa.xb.x%c.y%c", 'a'+i, 'a'+i): true,
			fmt.Sprintf("y%c.x%c", 'a'+i, 'a'+i):       false,
		} {
			if tables.Match(name) != want {
				t.Errorf("%s: not %v", name, want)
			}
		}
	}
}

// fifty are patterns as users write them.
func fifty() (expressions []string) {
	for i := range 25 {
		expressions = append(expressions, fmt.Sprintf(`service%d.*.amazonaws.com`, i), fmt.Sprintf(`^(?:[^.]*\.host-%d\.internal\.example\.com)$`, i))
	}
	return expressions
}

func BenchmarkCompile50(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(fifty()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch50(b *testing.B) {
	tables, err := Compile(fifty())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d tables, %d bytes", len(tables.automata), len(tables.encoded))
	for b.Loop() {
		if tables.Match("dynamodb.eu-central-1.amazonaws.com") {
			b.Fatal("denied")
		}
	}
}

// Each of many expressions may be just small enough: an event waits for all of them.
func TestManyExpressionsTakeBoundedWork(t *testing.T) {
	var list []string
	for i := range 200 {
		list = append(list, fmt.Sprintf("%c.{9}(?:a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w|x|y|z|0|1)%c", 'a'+i%26, 'a'+i/26))
	}
	if _, err := Compile(list[:1]); err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(list); err == nil || !strings.Contains(err.Error(), "too long to make") {
		t.Error(err)
	}
}
