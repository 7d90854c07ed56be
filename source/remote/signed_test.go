package remote

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/conformance"
	"github.com/firedrill-dev/firedrill/source"
)

// A document on the network counts only if it is signed, where signatures are asked for, and is checked when it changes.
func TestSignedDocuments(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	var document atomic.Value
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document.Load().(string)) })
	document.Store(conformance.Signed(1, conformance.Addressed(conformance.Function, soon)))
	o := fromEnv(t, source.Config, server.URL, source.PublicKey, conformance.Signer(1).Key().String(), "AWS_LAMBDA_FUNCTION_NAME", conformance.Function)
	o.settled(true, "")
	set := o.Faults(time.Now())
	o.again()
	if o.Faults(time.Now()) != set {
		t.Error("the same document was read again")
	}
	document.Store(conformance.Addressed(conformance.Function, soon))
	o.again()
	o.settled(false, `"field":"signatures"`)
	document.Store(conformance.Signed(1, conformance.Addressed(conformance.Function, soon.Add(time.Minute))))
	o.again()
	o.settled(true, `"field":"signatures"`)
	document.Store(`{}`)
	o.again()
	o.settled(false, `"field":"signatures"`)
}

// A public key that cannot be read disarms, and nobody is asked.
func TestMalformedKey(t *testing.T) {
	o := fromEnv(t, source.Config, "https://nobody.invalid/", source.PublicKey, "no key")
	if o.Source != nil {
		t.Error("there is a source")
	}
	o.told(`"field":"FIREDRILL_PUBLIC_KEY"`)
}
