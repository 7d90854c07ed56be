package fault

import "time"

// Usage is how much of a resource a fault takes from the environment for the length of one invocation.
type Usage struct {
	// Take is how much: bytes for DiskSpace and Memory, descriptors for FileDescriptors. 0 means all but Leave.
	Take int64 `json:"take,omitempty"`
	// Leave is how much is left to the handler, in the same unit; it counts only where Take is 0.
	Leave int64 `json:"leave,omitempty"`
	// Cores is how many processors CPU keeps busy, at most those that there are; 0 means all.
	Cores int `json:"cores,omitempty"`
	// Percent is the share of each core's time that CPU takes, in [1, 100].
	Percent int `json:"percent,omitempty"`
	// For ends CPU before the invocation ends; 0 means with it.
	For time.Duration `json:"for,omitempty"`
}

// Bounds of what a fault set may ask for. Lambda has no more of any of them.
const (
	maxMegabytes   = 10240
	maxCores       = 6
	maxDescriptors = 65536
	maxInvocation  = 15 * 60 * 1000 // milliseconds
	megabyte       = 1 << 20
)

// usageKind completes a kind whose effect is a Usage.
func usageKind(info KindInfo, build func(v values) (Usage, []Problem)) kind {
	return kind{KindInfo: info, build: func(v values) (behaviour, []Problem) {
		usage, problems := build(v)
		return behaviour{effect: func(moment) Injection { return Injection{Usage: usage} }}, problems
	}}
}

// takeOrLeave reads two attributes of which one at most may be given.
func takeOrLeave(v values, take, leave string, otherwise float64, unit int64) (Usage, []Problem) {
	if v.has(take) && v.has(leave) {
		return Usage{}, []Problem{{Field: leave, Value: valueText(v[leave]), Message: "does not go with " + take, Hint: "say how much to take, or how much to leave"}}
	}
	if v.has(leave) {
		return Usage{Leave: int64(v.number(leave, 0)) * unit}, nil
	}
	return Usage{Take: int64(v.number(take, otherwise)) * unit}, nil
}
