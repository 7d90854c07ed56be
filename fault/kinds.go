package fault

// A KindInfo describes a kind to those who write fault sets: the JSON Schema, the documentation, error hints.
type KindInfo struct {
	Kind       Kind
	Doc        string // one sentence, without its full stop
	After      bool   // enacted after the handler
	Attributes []Attribute
}

// kind is a KindInfo with what makes its attributes an effect. Each lives in a file of its own.
type kind struct {
	KindInfo
	// build gets attributes that are valid one by one, and judges them together.
	build func(v values) (behaviour, []Problem)
}

// kinds lists every kind in the order of evaluation, on either side of the handler. fail-after stands before
// statuscode because that may also follow the handler (keep_body), and nothing is left to change in an
// invocation that has failed. To add a kind, write its file and name it here.
func kinds() []kind {
	return []kind{
		coldStartKind(),
		latencyKind(), timeoutKind(),
		diskSpaceKind(), memoryKind(), cpuKind(), fileDescriptorsKind(), denylistKind(), poisonKind(),
		redeliveryKind(), failAfterKind(),
		throttleKind(), statusCodeKind(), exceptionKind(),
		corruptionKind(), batchKind(),
		outgoingKind(), awsCallKind(),
	}
}

func kindByName(name Kind) (kind, bool) {
	for _, k := range kinds() {
		if k.Kind == name {
			return k, true
		}
	}
	return kind{}, false
}

// Kinds describes every kind, in the order in which a plan evaluates them on either side of the handler.
func Kinds() []KindInfo {
	var infos []KindInfo
	for _, k := range kinds() {
		infos = append(infos, k.KindInfo)
	}
	return infos
}
