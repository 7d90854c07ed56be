package local

import "time"

// A Config is one parsed and validated functions file.
type Config struct {
	// Dir is the folder that relative commands and packages start from: the file's. It may be relative itself.
	Dir  string
	HTTP *HTTP // nil: no HTTP API
	// LambdaListen is where the Lambda API listens; port 0 is any free one.
	LambdaListen string
	// Region is part of the ARNs and given to the functions as AWS_REGION.
	Region string
	// MaxEnvironments bounds the processes of all functions together, as the account's concurrency does in AWS.
	MaxEnvironments int
	Functions       []Function // by name
}

// HTTP is the HTTP API in front of the functions.
type HTTP struct {
	Listen string
	Routes []Route // as written
	// Timeout is how long the HTTP API waits for a function before it answers 503 in its place.
	Timeout time.Duration
}

// A Route sends requests to a function. Key is "METHOD /path", "ANY /path" or "$default"; the path may
// have {parameter} segments and end in {greedy+}.
type Route struct {
	Key       string
	Function  string
	Qualifier string // of a version or alias of the function; empty is $LATEST
}

// A Function is one function of the file.
type Function struct {
	Name        string
	Description string
	Command     []string // argv; empty if Go is set
	Go          string   // package to build and run instead of Command
	Dir         string   // working directory, as written; empty is Config.Dir
	Handler     string   // for _HANDLER
	Layer       bool     // started through Options.ProxyCommand
	Timeout     time.Duration
	MemoryMB    int
	// Concurrency is the reserved concurrency; nil is none, 0 lets nothing through.
	Concurrency *int
	// Retries is how often an asynchronous event is tried again after the function failed on it.
	Retries int
	// RetryDelay is the pause before the first retry; it doubles.
	RetryDelay  time.Duration
	Environment map[string]string
	Versions    []Version // by number; published when the host starts
	Aliases     []Alias   // by name
}

// A Version is a published version of a function: the whole of its settings, among them those that are the function's.
type Version struct {
	Number int
	Function
}

// An Alias leads to a version of a function.
type Alias struct {
	Name    string
	Version string // a number, or $LATEST
	// Weights are shares, from 0 to 1, of another version: one at most, as AWS Lambda has it.
	Weights map[string]float64
}

// Defaults of the file, and the bounds that Lambda sets.
const (
	DefaultHTTPListen      = "127.0.0.1:8080"
	DefaultLambdaListen    = "127.0.0.1:9001"
	DefaultRegion          = "us-east-1"
	DefaultMaxEnvironments = 100
	DefaultTimeout         = 3 * time.Second  // Lambda's
	DefaultHTTPTimeout     = 30 * time.Second // API Gateway's
	DefaultMemoryMB        = 128
	DefaultRetries         = 2 // Lambda's
	DefaultRetryDelay      = time.Second
	DefaultHandler         = "bootstrap"

	minMemoryMB = 128
	maxMemoryMB = 10_240
	maxTimeout  = 15 * time.Minute
)

// Account is the account id in the ARNs of local functions.
const Account = "000000000000"
