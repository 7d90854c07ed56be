package fault

func diskSpaceKind() kind {
	return usageKind(KindInfo{Kind: DiskSpace, Doc: "the temporary folder's disk fills up for the invocation", Attributes: []Attribute{
		{Name: "disk_space", Friendly: "size", Type: TypeInteger, Min: 1, Max: maxMegabytes, Doc: "MB to take; default 100"},
		{Name: "leave", Type: TypeInteger, Max: maxMegabytes, Doc: "fill until so many MB are left, instead of disk_space"},
	}}, func(v values) (Usage, []Problem) {
		return takeOrLeave(v, "disk_space", "leave", 100, megabyte)
	})
}
