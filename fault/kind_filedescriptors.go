package fault

func fileDescriptorsKind() kind {
	return usageKind(KindInfo{Kind: FileDescriptors, Doc: "file descriptors of the function's process are taken for the invocation", Attributes: []Attribute{
		{Name: "descriptors", Friendly: "count", Type: TypeInteger, Min: 1, Max: maxDescriptors, Doc: "how many to take; default: all but leave"},
		{Name: "leave", Type: TypeInteger, Max: maxDescriptors, Doc: "take until so many are left; default 0"},
	}}, func(v values) (Usage, []Problem) {
		return takeOrLeave(v, "descriptors", "leave", 0, 1)
	})
}
