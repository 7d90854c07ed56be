package verdict

import "math"

// A Sequential plans looks at a comparison while it still grows, at equal steps of the observations, so that harm stops a run as soon as
// it is certain. Whoever looks ten times at 5 % finds an innocent version guilty far more often than in 5 of 100 cases. So each look has
// an alpha of its own, little at first and more later, and all of them together spend Alpha and no more: K. K. G. Lan and D. L.
// DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), with their spending function that is like P. C.
// O'Brien and T. R. Fleming's. The last look keeps most of it.
//
// Only a disproof ends a run early. Held waits for the end and needs no correction: stopping for harm can only make it rarer.
type Sequential struct {
	Alpha float64 // of both directions together, as Versus.Alpha; 0 is what DefaultConfidence leaves
	Looks int     // how many there are, the last one at the end; at least 1
}

// Look is the Versus.Alpha of the n-th look, from 1 to Looks. 0 means that nothing can be certain so early: do not look.
func (s Sequential) Look(n int) float64 {
	looks := max(1, s.Looks)
	n = min(max(1, n), looks)
	alpha := s.Alpha
	if !(alpha > 0 && alpha < 1) {
		alpha = 1 - DefaultConfidence
	}
	nominal, spent := 0.0, 0.0
	var w walk
	for k := 1; k <= n; k++ {
		due := spend(alpha/2, float64(k)/float64(looks))
		limit := w.limit(due - spent)
		nominal = 2 * upperTail(limit/math.Sqrt(float64(k)))
		if k < n {
			w, spent = w.step(limit), due
		}
	}
	if nominal < leastAlpha {
		return 0
	}
	return nominal
}

// leastAlpha is below what the tails of binomials and normals say anything about latencies.
const leastAlpha = 1e-6

// spend is how much of a one-sided alpha may be used up when a share of the observations is there.
func spend(alpha, share float64) float64 {
	return min(alpha, 2*upperTail(-normalQuantile(alpha/2)/math.Sqrt(share)))
}

// upperTail is P(Z > z) of a standard normal Z.
func upperTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// A walk is where a sum of standard normal steps may be that has not passed a limit so far: the statistic of a comparison at equal steps of
// its observations, if there is no difference. Its density is kept on a grid, as in P. Armitage, C. K. McPherson and B. C. Rowe,
// Journal of the Royal Statistical Society A 132 (1969). The zero walk has not begun.
type walk struct {
	steps   float64
	at      []float64 // the middles of the grid's cells
	density []float64 // there
	width   float64   // of a cell
}

// beyond is the probability that the next step ends above a limit.
func (w walk) beyond(limit float64) float64 {
	if w.steps == 0 {
		return upperTail(limit)
	}
	sum := 0.0
	for i, x := range w.at {
		sum += w.density[i] * upperTail(limit-x)
	}
	return sum * w.width
}

// limit is what the next step passes with the given probability.
func (w walk) limit(probability float64) float64 {
	const far = 100
	return bisect(-far, far, func(x float64) bool { return w.beyond(x) <= probability })
}

// step is the walk after the next step, of those that have not passed the limit.
func (w walk) step(limit float64) walk {
	const cells, reach = 300, 7.5 // in standard deviations: what is further away does not matter
	next := walk{steps: w.steps + 1, at: make([]float64, cells), density: make([]float64, cells)}
	far := reach * math.Sqrt(next.steps)
	low, high := -far, min(limit, far)
	next.width = (high - low) / cells
	for i := range next.at {
		x := low + (float64(i)+0.5)*next.width
		next.at[i] = x
		if w.steps == 0 {
			next.density[i] = bell(x)
			continue
		}
		for j, from := range w.at {
			next.density[i] += w.density[j] * bell(x-from) * w.width
		}
	}
	return next
}

// bell is the density of the standard normal distribution.
func bell(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
