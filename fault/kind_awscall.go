package fault

import (
	"path"
	"strconv"
	"strings"
	"unicode"
)

// An AWSRequest is one attempt of one call that the handler makes to an AWS service.
type AWSRequest struct {
	Service   string // as the AWS SDKs call it (its service id): DynamoDB, Secrets Manager
	Operation string // PutItem
	Number    int    // 1 for the invocation's first call of this operation, 2 for the second, ...
	Attempt   int    // 1 for the first try of the call, 2 for its first retry, ...
}

// The words that the attribute error of AWSCall knows beside a service's own codes. A host that speaks to a
// service translates them into what that service answers.
const (
	AWSThrottling     = "throttling"      // ThrottlingException, TooManyRequestsException, SlowDown, ...
	AWSAccessDenied   = "access-denied"   // AccessDeniedException, AccessDenied, ...
	AWSInternal       = "internal"        // InternalServerError, InternalFailure, ...
	AWSUnavailable    = "unavailable"     // ServiceUnavailable, ...
	AWSRequestTimeout = "request-timeout" // RequestTimeout, RequestTimeoutException
	AWSReset          = "reset"           // no answer: the connection is reset
)

// isAWSCode says that a text is spelled as services spell their errors. Nothing else may reach the headers and XML of
// an answer. No expression: one would be compiled at every cold start.
func isAWSCode(text string) bool {
	if text == "" || len(text) > 100 || text[0] < 'A' || text[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// awsTarget says which requests are hit.
type awsTarget struct {
	services, operations []string // globs, normal
	perCall              bool
}

func awsCallKind() kind {
	attributes := append([]Attribute{
		{Name: "service", Type: TypeText, Required: true,
			Doc: "the service, by the name that the AWS SDKs give it, in any case, with * and ? as wildcards; several with commas between them"},
		{Name: "operation", Type: TypeText, Doc: "the operation, likewise; default: all"},
		{Name: "error", Type: TypeText,
			Doc: "answer with this error instead of sending the request: throttling, access-denied, internal, unavailable, request-timeout, reset, or a code of the service's own"},
		{Name: "message", Type: TypeText, Doc: "the error's message; default: one that names the code"},
		{Name: "status_code", Friendly: "status", Type: TypeInteger, Min: 400, Max: 599, Doc: "the error's HTTP status; default: that of the service"},
		{Name: "hang", Type: TypeFlag, Doc: "no answer comes until the context or the client's timeout ends the wait"},
		{Name: "partial", Type: TypeInteger, Min: 1, Max: 100,
			Doc: "of a batch, this percentage of the entries fails, at least one; the others are sent"},
		{Name: "per", Type: TypeText, Values: []string{"attempt", "call"},
			Doc: "attempt: each retry is decided anew, the default; call: all attempts of a call are decided alike"},
	}, delayAttributes()...)
	return kind{
		KindInfo: KindInfo{
			Kind: AWSCall, Doc: "a call that the handler makes to an AWS service fails, hangs, is late, or succeeds in part",
			Attributes: attributes,
		},
		build: buildAWSCall,
	}
}

func buildAWSCall(v values) (behaviour, []Problem) {
	delay, drawsDelay, problems := buildDelay(v)
	target := &awsTarget{perCall: v.text("per", "") == "call"}
	target.services, problems = awsGlobs(v, "service", problems)
	target.operations, problems = awsGlobs(v, "operation", problems)
	delayed := v.has("min_latency") || v.has("max_latency") || v.has("mean")
	problems = append(problems, checkAWSCall(v, delayed)...)
	template := Injection{
		Hang: v.flag("hang"), Partial: int(v.number("partial", 0)),
		ErrorType: v.text("error", ""), ErrorMessage: v.text("message", ""), Status: int(v.number("status_code", 0)),
	}
	return behaviour{aws: target, draws: drawsDelay || template.Partial > 0, effect: func(m moment) Injection {
		injection := template
		if delayed {
			injection.Delay = delay(m)
		}
		if template.Partial > 0 {
			injection.entries = &m
		}
		return injection
	}}, problems
}

// checkAWSCall judges the attributes together.
func checkAWSCall(v values, delayed bool) (problems []Problem) {
	wrong := func(field, message, hint string) {
		problems = append(problems, Problem{Field: field, Value: valueOf(v, field), Message: message, Hint: hint})
	}
	code := v.text("error", "")
	if v.has("error") && !awsWord(code) && !isAWSCode(code) {
		wrong("error", "is neither a word for an error nor a code", "one of "+strings.Join(awsWords(), ", ")+", or a code such as ThrottlingException")
	}
	hang, partial, failing := v.flag("hang"), v.has("partial"), v.has("error")
	switch {
	case hang && (failing || partial || delayed):
		wrong("hang", "does not go with error, partial or a latency: no answer comes", "")
	case !hang && !partial && !failing && !delayed:
		wrong("service", "is named, but nothing is to happen to its calls", "set error, hang, partial or a latency")
	}
	if v.has("status_code") && (!failing || partial || code == AWSReset) {
		wrong("status_code", "belongs to an error that the service answers", "")
	}
	if v.has("message") && ((!failing && !partial) || code == AWSReset) {
		wrong("message", "belongs to an error that the service answers", "")
	}
	if partial && code == AWSReset {
		wrong("partial", "does not go with the error reset: no answer comes", "")
	}
	return problems
}

func valueOf(v values, name string) string {
	if !v.has(name) {
		return ""
	}
	return valueText(v[name])
}

func awsWords() []string {
	return []string{AWSThrottling, AWSAccessDenied, AWSInternal, AWSUnavailable, AWSRequestTimeout, AWSReset}
}

func awsWord(text string) bool {
	for _, word := range awsWords() {
		if text == word {
			return true
		}
	}
	return false
}

// awsGlobs reads a list of globs. An attribute that is absent means all.
func awsGlobs(v values, name string, problems []Problem) ([]string, []Problem) {
	text := v.text(name, "*")
	var globs []string
	for glob := range strings.SplitSeq(text, ",") {
		glob = awsName(glob)
		if glob == "" || strings.ContainsAny(glob, `[]\`) {
			return nil, append(problems, Problem{Field: name, Value: valueText(text), Message: "is not a name, a pattern, or several with commas between them"})
		}
		globs = append(globs, glob)
	}
	return globs, problems
}

// awsName is how names of services and operations are compared: "Secrets Manager", "secrets-manager" and
// "SecretsManager" are one.
func awsName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// suffix is what the sampling key gets, and false if the request is none of ours.
func (t *awsTarget) suffix(r AWSRequest) (string, bool) {
	service, operation := awsName(r.Service), awsName(r.Operation)
	if !anyGlob(t.services, service) || !anyGlob(t.operations, operation) {
		return "", false
	}
	suffix := " " + service + "." + operation + " " + strconv.Itoa(r.Number)
	if !t.perCall {
		suffix += " " + strconv.Itoa(r.Attempt)
	}
	return suffix, true
}

func anyGlob(globs []string, name string) bool {
	for _, glob := range globs {
		if ok, _ := path.Match(glob, name); ok {
			return true
		}
	}
	return false
}

// FailedEntries says, in order, which of the n entries of a batch fail, for an AWSCall whose Partial is set: that
// percentage of them, rounded, but at least one.
func (i Injection) FailedEntries(n int) []bool {
	failed := make([]bool, n)
	if i.entries == nil || n == 0 {
		return failed
	}
	left := max((n*i.Partial+50)/100, 1)
	// Draws beyond the first two, which belong to the delay. An entry is taken with the probability
	// left/remaining, so that exactly as many are (Knuth, The Art of Computer Programming 3.4.2, algorithm S).
	for at := range n {
		if i.entries.draw(uint64(at+3))*float64(n-at) < float64(left) {
			failed[at] = true
			left--
		}
	}
	return failed
}
