package fault

func memoryKind() kind {
	return usageKind(KindInfo{Kind: Memory, Doc: "memory is taken for the invocation", Attributes: []Attribute{
		{Name: "memory_mb", Friendly: "size", Type: TypeInteger, Min: 1, Max: maxMegabytes, Doc: "MB to take and touch; default 64"},
	}}, func(v values) (Usage, []Problem) {
		return Usage{Take: int64(v.number("memory_mb", 64)) * megabyte}, nil
	})
}
