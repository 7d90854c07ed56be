package fault

import (
	"math"
	"time"
)

// The sampling hash: FNV-1a (64 bit) over the seed (8 bytes, little endian), the kind's name, a zero byte and
// the key, then the finalizer of MurmurHash3 (fmix64), because FNV-1a alone mixes the high bits of short keys
// badly. docs/fault-sets.md spells it out so that hosts in other languages decide alike.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
	golden    = 0x9E3779B97F4A7C15 // 2^64 / golden ratio: the step of SplitMix64
)

func hash(seed uint64, kind Kind, key, suffix string) uint64 {
	h := uint64(fnvOffset)
	for i := range 8 {
		h = (h ^ (seed >> (8 * i) & 0xff)) * fnvPrime
	}
	h = fnv1a(h, string(kind))
	h *= fnvPrime // the zero byte: h ^ 0 is h
	h = fnv1a(h, key)
	return mix(fnv1a(h, suffix))
}

func fnv1a(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// unit maps the high 53 bits of a hash to [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// draw returns the nth (1, 2, ...) number in [0, 1) that follows from the moment, independent of the hit.
func (m moment) draw(n uint64) float64 { return unit(mix(m.hash + n*golden)) }

// normal is a standard normal variate (Box and Muller 1958) from the first two draws.
func (m moment) normal() float64 {
	return math.Sqrt(-2*math.Log(1-m.draw(1))) * math.Cos(2*math.Pi*m.draw(2))
}

// sampler computes the sampling key of one invocation at most once, and only if something depends on it.
type sampler struct {
	set   *Set
	inv   *Invocation
	key   string
	known bool
}

func (k *sampler) text() string {
	if !k.known {
		k.known = true
		k.key = k.inv.RequestID
		if by := k.set.drill.sampleBy; len(by) > 0 {
			if v, ok := lookup(k.inv.Event, by); ok && !v.null() {
				k.key = string(v.text())
			}
		}
	}
	return k.key
}

func (k *sampler) hits(f *flag, suffix string) bool {
	if f.percentage < 100 && unit(hash(k.set.drill.seed, f.kind, k.text(), suffix))*100 >= f.percentage {
		return false
	}
	for i := range f.match {
		if !f.match[i].holds(k.inv.Event) {
			return false
		}
	}
	return true
}

func (k *sampler) moment(f *flag, suffix string, now time.Time) moment {
	m := moment{now: now, deadline: k.inv.Deadline, seed: k.set.drill.seed, event: k.inv.Event}
	if f.draws {
		m.hash = hash(k.set.drill.seed, f.kind, k.text(), suffix)
	}
	return m
}
