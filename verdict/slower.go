package verdict

// slower compares all pairs of requests, one of each side: the share of them in which the first side's took longer, ties counting half. It is
// what a user would feel who could have been on either side, however the latencies are distributed. See RankTest.
type slower struct{}

func (slower) estimate(x, y side) float64 { return place(x.known(), y.known()).share }

func (slower) upper(x, y side, tail float64) float64 { return place(x.high, y.low).upper(tail) }

func (slower) mirror(limit float64) float64 { return 1 - limit }
