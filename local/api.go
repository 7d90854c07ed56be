package local

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxSyncPayload  = 6_291_456 // Lambda's limits, in bytes
	maxAsyncPayload = 1_048_576
	maxConfigBody   = 1 << 20
	maxDrain        = 64 << 20
	latest          = "$LATEST"
	executedVersion = "X-Amz-Executed-Version"

	pathInjections = "/_firedrill/injections"
)

// An operation serves one request about a function, or about a version or alias of it.
type operation func(w http.ResponseWriter, r *http.Request, t target) error

// whole makes an operation of one that is about a function as a whole, or about $LATEST.
func whole(op func(w http.ResponseWriter, r *http.Request, fn *function) error) operation {
	return func(w http.ResponseWriter, r *http.Request, t target) error {
		if t.qualifier != "" && t.qualifier != latest {
			return invalidParameter("This operation does not take a version or an alias: %q", clip(t.qualifier))
		}
		return op(w, r, t.fn)
	}
}

// serveLambda serves the Lambda API: paths are /DATE/functions/NAME/..., and the name may be an ARN.
func (h *Host) serveLambda(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", newID())
	if err := fromHere(r); err != nil {
		writeError(w, err)
		return
	}
	if r.URL.Path == pathInjections && r.Method == http.MethodGet {
		writeJSON(w, http.StatusOK, h.Injections(r.URL.Query().Get("run")))
		return
	}
	if err := h.route(w, r); err != nil {
		writeError(w, err)
	}
}

// fromHere refuses what a web page sends. We ask nobody for credentials, so a page that the developer looks at must not
// invoke or configure functions: neither across origins, nor as our own origin under a name that leads to this machine.
func fromHere(r *http.Request) error {
	denied := func(why string) error {
		return &apiError{http.StatusForbidden, "AccessDeniedException", why, ""}
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil { // no port
		host = strings.Trim(r.Host, "[]")
	}
	if host = strings.ToLower(host); host != "localhost" && !strings.HasSuffix(host, ".localhost") && net.ParseIP(host) == nil {
		return denied(fmt.Sprintf("the local host answers to localhost and to addresses such as 127.0.0.1, not to the name %q", clip(host)))
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return denied("a web page of another origin may not call the local host")
	}
	return nil
}

// route finds the operation. The split is done on the escaped path, because names hold escaped colons and slashes.
func (h *Host) route(w http.ResponseWriter, r *http.Request) error {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	switch {
	case len(parts) == 2 && parts[1] == "functions" && r.Method == http.MethodGet:
		return h.listFunctions(w, r)
	case len(parts) == 2 && parts[1] == "account-settings" && r.Method == http.MethodGet:
		return h.accountSettings(w)
	case len(parts) < 3 || len(parts) > 5 || len(parts) == 5 && parts[3] != "aliases" || parts[1] != "functions":
		return unknownOperation(r)
	}
	name, err := url.PathUnescape(parts[2])
	if err != nil {
		return invalidParameter("function name: %v", err)
	}
	suffix := ""
	switch len(parts) {
	case 4:
		suffix = "/" + parts[3]
	case 5:
		suffix = "/" + parts[3] + "/NAME"
	}
	op := h.operation(r.Method + " " + suffix)
	if op == nil {
		return unknownOperation(r)
	}
	t, err := h.lookup(name, r.URL.Query().Get("Qualifier"))
	if err != nil {
		return err
	}
	return op(w, r, t)
}

func (h *Host) operation(key string) operation {
	switch key {
	case "POST /invocations":
		return h.serveInvoke
	case "POST /response-streaming-invocations":
		return h.serveInvokeStream
	case "GET ":
		return h.getFunction
	case "GET /configuration":
		return h.getConfiguration
	case "PUT /configuration":
		return whole(h.updateConfiguration)
	case "GET /concurrency":
		return whole(h.getConcurrency)
	case "PUT /concurrency":
		return whole(h.putConcurrency)
	case "DELETE /concurrency":
		return whole(h.deleteConcurrency)
	case "POST /versions":
		return whole(h.publishVersion)
	case "GET /versions":
		return whole(h.listVersions)
	case "POST /aliases":
		return whole(h.createAlias)
	case "GET /aliases":
		return whole(h.listAliases)
	case "GET /aliases/NAME", "PUT /aliases/NAME", "DELETE /aliases/NAME":
		return whole(h.onAlias)
	}
	return nil
}

// unknownOperation says what it was that does not run here. Functions reach this host for every AWS service,
// because their AWS_ENDPOINT_URL leads here: better an error than a call that leaves the machine.
func unknownOperation(r *http.Request) *apiError {
	what := r.Method + " " + r.URL.Path
	// Credential=KEY/DATE/REGION/SERVICE/aws4_request
	if _, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		if parts := strings.Split(scope, "/"); len(parts) > 3 && parts[3] != "lambda" {
			return &apiError{http.StatusNotImplemented, "UnknownOperationException", fmt.Sprintf(
				"the local host serves Lambda only, not %s (%s): set AWS_ENDPOINT_URL_%s in the function's environment",
				parts[3], what, strings.ToUpper(strings.ReplaceAll(parts[3], "-", "_"))), ""}
		}
	}
	return &apiError{http.StatusNotImplemented, "UnknownOperationException", "the local host has no " + what, ""}
}

func (h *Host) arn(name string) string {
	return "arn:aws:lambda:" + h.cfg.Region + ":" + Account + ":function:" + name
}

// lookup finds a function by name, partial ARN (account:function:name) or ARN, each with or without a qualifier.
// Region and account of an ARN are not compared: code that names a function in the cloud finds it here by its name.
// Whether there is such a version or alias is for the operation to find out.
func (h *Host) lookup(name, qualifier string) (target, error) {
	base := name
	if _, after, ok := strings.Cut(name, "function:"); ok {
		base = after
	}
	base, inName, qualified := strings.Cut(base, ":")
	if qualified {
		if qualifier != "" && qualifier != inName {
			return target{}, invalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
		}
		qualifier = inName
	}
	if !functionName.MatchString(base) {
		return target{}, invalidParameter("not a function name or ARN: %q", clip(name))
	}
	fn := h.functions[base]
	if fn == nil {
		return target{}, h.notFound(base)
	}
	if qualifier != "" && !isQualifier(qualifier) {
		return target{}, invalidParameter("not a version or an alias: %q", clip(qualifier))
	}
	return target{fn, qualifier}, nil
}

// serveInvoke is Invoke: RequestResponse, Event and DryRun.
func (h *Host) serveInvoke(w http.ResponseWriter, r *http.Request, t target) error {
	limit, mode := int64(maxSyncPayload), r.Header.Get("X-Amz-Invocation-Type")
	switch mode {
	case "", "RequestResponse", "DryRun":
	case "Event":
		limit = maxAsyncPayload
	default:
		return invalidParameter("unknown invocation type: %q", clip(mode))
	}
	in, err := newInvocation(r, limit)
	if err != nil {
		return err
	}
	in.arn = h.arnOf(t)
	v, err := h.choose(t)
	if err != nil {
		return err
	}
	w.Header()["X-Amzn-Requestid"] = []string{in.id}
	w.Header()[executedVersion] = []string{v.name}
	switch mode {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil
	case "Event":
		if err := h.enqueue(v, in); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	out, err := h.invoke(v, in)
	if err != nil {
		return err
	}
	header := w.Header()
	header["Content-Type"] = []string{"application/json"}
	if in.tail {
		header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(out.tail))
	}
	if out.result.Failed {
		header.Set("X-Amz-Function-Error", "Unhandled")
	}
	_, _ = w.Write(out.result.Payload) // a client that hung up learns nothing more
	return nil
}

// newInvocation reads the request's event and headers.
func newInvocation(r *http.Request, limit int64) (invocation, error) {
	in := invocation{id: newID(), tail: r.Header.Get("X-Amz-Log-Type") == "Tail", traceID: r.Header.Get("X-Amzn-Trace-Id")}
	if in.traceID == "" {
		in.traceID = newTraceID()
	}
	body, err := readLimited(r.Body, r.ContentLength, limit)
	if err != nil {
		if errors.Is(err, errPayload) {
			return in, tooLarge(limit, "InvokeFunction")
		}
		return in, invalidContent("cannot read the request: %v", err)
	}
	if in.payload = body; len(body) == 0 {
		in.payload = []byte("{}")
	} else if !json.Valid(body) {
		return in, invalidContent("Could not parse request body into json: %v", json.Unmarshal(body, new(json.RawMessage)))
	}
	if encoded := r.Header.Get("X-Amz-Client-Context"); encoded != "" {
		decoded, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !json.Valid(decoded) {
			return in, invalidContent("Client context must be a valid Base64-encoded JSON object.")
		}
		in.clientContext = string(decoded)
	}
	return in, nil
}

// errPayload is a body that is larger than allowed.
var errPayload = errors.New("payload too large")

// readLimited reads a body of at most limit bytes; length is what its header says, or negative. Of a larger one
// it reads a sensible part, so that the client comes to read the refusal instead of failing on a broken connection.
func readLimited(body io.Reader, length, limit int64) ([]byte, error) {
	if length > limit {
		_, _ = io.CopyN(io.Discard, body, maxDrain)
		return nil, errPayload
	}
	if length > 0 {
		data := make([]byte, length)
		_, err := io.ReadFull(body, data)
		return data, err
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(data)) > limit {
		_, _ = io.CopyN(io.Discard, body, maxDrain)
		return nil, errPayload
	}
	return data, err
}

// newTraceID makes an X-Ray header of a request that is not sampled.
func newTraceID() string {
	id := strings.ReplaceAll(newID(), "-", "")
	return "Root=1-" + id[:8] + "-" + id[8:] + ";Parent=" + strings.ReplaceAll(newID(), "-", "")[:16] + ";Sampled=0"
}
