package fault

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// chiSquare is Pearson's statistic of counts that should be equal.
func chiSquare(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	want := float64(total) / float64(len(counts))
	sum := 0.0
	for _, n := range counts {
		sum += (float64(n) - want) * (float64(n) - want) / want
	}
	return sum
}

// The keys are fixed, so the test passes or fails for good. With 99 degrees of freedom Pearson's statistic
// exceeds 148.2 once in 1000 times.
func TestSamplingIsUniform(t *testing.T) {
	keys := map[string]func(i int) string{
		"numbers":    func(i int) string { return fmt.Sprint(i) },
		"users":      func(i int) string { return fmt.Sprintf("user-%06d@example.com", i) },
		"padded":     func(i int) string { return fmt.Sprintf("%040d", i) },
		"uuids":      func(i int) string { return fmt.Sprintf("%08x-e9f4-11e8-9739-2dfe598c3fcd", i) },
		"two bytes":  func(i int) string { return string([]byte{byte(i), byte(i >> 8)}) },
		"high bytes": func(i int) string { return string([]byte{0xff, byte(i >> 8), 0xff, byte(i)}) },
	}
	for name, key := range keys {
		for _, seed := range []uint64{0, 1, 42, math.MaxUint64} {
			hits, draws := make([]int, 100), make([]int, 100)
			for i := range 50000 {
				h := hash(seed, Latency, key(i), "")
				hits[int(unit(h)*100)]++
				draws[int(moment{hash: h}.draw(1)*100)]++
			}
			if x := chiSquare(hits); x > 148.2 {
				t.Errorf("%s, seed %d: chi-square of hits %.1f", name, seed, x)
			}
			if x := chiSquare(draws); x > 148.2 {
				t.Errorf("%s, seed %d: chi-square of draws %.1f", name, seed, x)
			}
		}
	}
}

// One flipped bit of the key or seed must change the decision bits about half of the time.
func TestHashAvalanche(t *testing.T) {
	const key = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
	base := hash(42, Latency, key, "")
	for bit := range len(key) * 8 {
		flipped := []byte(key)
		flipped[bit/8] ^= 1 << (bit % 8)
		if d := math.Abs(unit(hash(42, Latency, string(flipped), "")) - unit(base)); d == 0 {
			t.Errorf("bit %d of the key changes nothing", bit)
		}
	}
	if hash(42, Latency, key, "") != hash(42, Latency, key[:20], key[20:]) {
		t.Error("a suffix is not the same as a longer key")
	}
	if hash(42, Latency, key, "") == hash(42, Exception, key, "") {
		t.Error("the kind changes nothing")
	}
}

func TestPercentagesNest(t *testing.T) {
	shares := []float64{0, 0.1, 1, 5, 25, 50, 99, 99.9, 100}
	sets := make([]*Set, len(shares))
	for n, share := range shares {
		var problems []Problem
		sets[n], problems = Parse(fmt.Appendf(nil, `{"exception":{"enabled":true,"percentage":%v},"firedrill":{"seed":7}}`, share))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
	}
	counts := make([]int, len(shares))
	for i := range 2000 {
		id, before := fmt.Sprintf("request-%d", i), false
		for n, set := range sets {
			hit := !set.Plan(Invocation{RequestID: id}, time.Time{}).Empty()
			if before && !hit {
				t.Fatalf("%s is hit at %v %% but not at %v %%", id, shares[n-1], shares[n])
			}
			if hit {
				counts[n]++
			}
			before = hit
		}
	}
	if counts[0] != 0 || counts[len(counts)-1] != 2000 {
		t.Errorf("0 and 100 percent are not exact: %v", counts)
	}
}

// Two runs with one seed agree, delay by delay; another seed gives another run.
func TestSeedReplays(t *testing.T) {
	run := func(seed int) (plans []string) {
		set, _ := Parse(fmt.Appendf(nil, `{"latency":{"enabled":true,"percentage":50,"min_latency":10,"max_latency":500},
			"corruption":{"enabled":true,"percentage":50},"firedrill":{"seed":%d}}`, seed))
		for i := range 200 {
			plan := set.Plan(Invocation{RequestID: fmt.Sprint(i)}, time.Time{})
			text := fmt.Sprint(i)
			for _, injection := range plan.Before {
				text += injection.Delay.String()
			}
			for _, injection := range plan.After {
				out, _ := injection.Corrupt([]byte(`{"body":"a body of some length, so that cuts differ"}`))
				text += string(out)
			}
			plans = append(plans, text)
		}
		return plans
	}
	first, second, other := run(1), run(1), run(2)
	differ := 0
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("two runs with one seed differ: %q, %q", first[i], second[i])
		}
		if first[i] != other[i] {
			differ++
		}
	}
	if differ < 100 {
		t.Errorf("another seed changes only %d of 200 plans", differ)
	}
}

// The means and spreads of 20,000 fixed draws are within four standard errors.
func TestDistributions(t *testing.T) {
	tests := []struct {
		attributes     string
		mean, stddev   float64 // of the distribution
		lowest, higher float64
	}{
		{`"min_latency":100,"max_latency":300`, 200, 200 / math.Sqrt(12), 100, 300},
		{`"distribution":"exponential","mean":50`, 50, 50, 0, math.Inf(1)},
		{`"mean":500,"stddev":40`, 500, 40, 0, math.Inf(1)},
		{`"mean":80`, 80, 0, 80, 80},
	}
	for _, test := range tests {
		set, problems := Parse([]byte(`{"latency":{"enabled":true,` + test.attributes + `}}`))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		const n = 20000
		var sum, squares float64
		for i := range n {
			d := float64(set.Plan(Invocation{RequestID: fmt.Sprint(i)}, time.Time{}).Before[0].Delay) / float64(time.Millisecond)
			if d < test.lowest || d > test.higher {
				t.Fatalf("%s: %v is out of bounds", test.attributes, d)
			}
			sum += d
			squares += d * d
		}
		mean := sum / n
		stddev := math.Sqrt(math.Max(0, squares/n-mean*mean))
		if math.Abs(mean-test.mean) > 4*test.stddev/math.Sqrt(n)+1e-6 {
			t.Errorf("%s: mean %v, want %v", test.attributes, mean, test.mean)
		}
		if math.Abs(stddev-test.stddev) > test.stddev*0.05+1e-3 {
			t.Errorf("%s: standard deviation %v, want %v", test.attributes, stddev, test.stddev)
		}
	}
}
