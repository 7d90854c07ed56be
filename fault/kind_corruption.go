package fault

func corruptionKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Corruption, Doc: "the handler runs, then its response is replaced or mangled", After: true,
			Attributes: []Attribute{
				{Name: "body", Type: TypeBody, Doc: "what replaces the body of the response"},
				{Name: "mode", Type: TypeText, Values: []string{"replace", "mangle"}, Doc: "default replace with a body, mangle without"},
			},
		},
		build: func(v values) (behaviour, []Problem) {
			mode := v.text("mode", "")
			if v.has("body") && mode == "mangle" {
				return behaviour{}, []Problem{{Field: "mode", Value: mode, Message: "does not go with a body", Hint: "leave body out to mangle the real one"}}
			}
			if !v.has("body") && mode == "replace" {
				return behaviour{}, []Problem{{Field: "body", Message: "is missing: mode replace needs it"}}
			}
			if v.has("body") {
				c := &corruption{replace: true, body: v.text("body", "")}
				return behaviour{after: true, effect: func(moment) Injection { return Injection{corrupt: c} }}, nil
			}
			return behaviour{after: true, draws: true, effect: func(m moment) Injection {
				return Injection{corrupt: &corruption{share: mangleMin + (mangleMax-mangleMin)*m.draw(1)}}
			}}, nil
		},
	}
}
