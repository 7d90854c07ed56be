package fault

func exceptionKind() kind {
	return errorKind(KindInfo{Kind: Exception, Doc: "the invocation fails with an error of a chosen type; the handler never runs"})
}

func failAfterKind() kind {
	return errorKind(KindInfo{Kind: FailAfter, After: true,
		Doc: "the handler runs and commits, its response is discarded, and the invocation fails with an error"})
}

// errorKind completes a kind that makes the invocation fail. The default message is failure-lambda's.
func errorKind(info KindInfo) kind {
	info.Attributes = []Attribute{
		{Name: "exception_msg", Friendly: "message", Type: TypeText, Doc: "default \"Injected exception\""},
		{Name: "exception_type", Friendly: "type", Type: TypeText, Doc: "the errorType that callers see; default InjectedException"},
	}
	return kind{KindInfo: info, build: func(v values) (behaviour, []Problem) {
		injection := Injection{
			ErrorType:    v.text("exception_type", "InjectedException"),
			ErrorMessage: v.text("exception_msg", "Injected exception"),
		}
		if injection.ErrorType == "" {
			return behaviour{}, []Problem{{Field: "exception_type", Message: "is empty"}}
		}
		return behaviour{after: info.After, effect: func(moment) Injection { return injection }}, nil
	}}
}
