package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/probe"
)

// TestInvokedMeasures: a function of another region is invoked there, by its alias and with no context of ours; one that Lambda throttles is not
// asked again, and its failure has the class of that.
func TestInvokedMeasures(t *testing.T) {
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		asked = append(asked, r.URL.Path+" in "+strings.Split(scope, "/")[2])
		if context := r.Header.Get("X-Amz-Client-Context"); context != "" {
			t.Errorf("client context %q", context)
		}
		if strings.Contains(r.URL.Path, "busy") {
			w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"message": "Rate Exceeded."}`)
			return
		}
		_, _ = io.WriteString(w, `{"n": 3}`)
	}))
	t.Cleanup(api.Close)
	a := &app{lookupEnv: func(string) (string, bool) { return "", false }}
	s, err := a.open(t.Context(), inputs{endpoint: api.URL}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	m := newMeasuring(s, &experiment.Experiment{})
	for name, class := range map[string]string{"shop:live": "200", "busy": "429"} {
		for _, region := range []string{"", "eu-north-1"} {
			asked = nil
			p, err := probe.New(experiment.Measure{Of: experiment.Invoke, Probe: experiment.ProbeSpec{Lambda: name, Region: region}}, m.deps())
			if err != nil {
				t.Fatal(err)
			}
			o, err := p.Read(t.Context())
			if o.Class != class || o.Failed != (class != "200") || (err != nil) != o.Failed {
				t.Errorf("%s in %q: %+v, %v", name, region, o, err)
			}
			where := map[string]string{"": "local"}[region] + region
			if len(asked) != 1 || !strings.HasPrefix(asked[0], "/2015-03-31/functions/"+strings.ReplaceAll(name, ":", "%3A")) && !strings.HasPrefix(asked[0], "/2015-03-31/functions/"+name) || !strings.HasSuffix(asked[0], " in "+where) {
				t.Errorf("%s in %q: asked %q", name, region, asked)
			}
		}
	}
	if _, err := m.cloudWatch(t.Context(), "nowhere", ""); err == nil || !strings.Contains(err.Error(), `no account "nowhere"`) {
		t.Error(err)
	}
}
