// Package cloudwatch is a small CloudWatch for tests and demonstrations: metrics with their statistics, metric math, alarms that are
// evaluated, and Logs Insights, over HTTP as AWS's own clients speak. It is no part of the product.
//
// What it does, it does as AWS documents it; what it does not know, it refuses by name. Each account and region is a
// world of its own: the account is read from the access key, as AWS encodes it there.
package cloudwatch

import (
	"compress/gzip"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/encoding/cbor"
)

// Region and Account are where requests belong whose signature says nothing else.
const (
	Region  = "eu-west-1"
	Account = "123456789012"
)

// A Call is one request that was made, whatever came of it.
type Call struct {
	Account, Region string
	Action          string // as IAM calls it: "cloudwatch:GetMetricData"
}

// A Server is CloudWatch and CloudWatch Logs. Make one by New or Start.
type Server struct {
	// URL is where Start listens.
	URL string
	// Delay is how long what is put remains unseen, as AWS's metrics do for a while. Set it before the first request.
	Delay time.Duration
	// Page is the most datapoints in an answer; 0: as many as asked for. Set it before the first request.
	Page int

	mu     sync.Mutex
	worlds map[Call]*world // by account and region
	calls  []Call
	broken map[string]*failing // by action
}

// failing is an error that some calls meet.
type failing struct {
	code string
	left int
}

// New makes a server to be mounted somewhere.
func New() *Server {
	return &Server{worlds: map[Call]*world{}, broken: map[string]*failing{}}
}

// Start serves on a free port of this machine until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New()
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	s.URL = listener.URL
	return s
}

// Config is a client's way to the server, in its default account and region.
func (s *Server) Config() aws.Config { return s.ConfigOf(Account, Region) }

// ConfigOf is a client's way to the server, in an account of twelve digits and a region.
func (s *Server) ConfigOf(account, region string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider(keyOf(account), "test", "")}
}

// Calls are the requests so far.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call{}, s.calls...)
}

// Fail lets the next times calls of an action ("cloudwatch:DescribeAlarms") end with an error of that code.
func (s *Server) Fail(action, code string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[action] = &failing{code, times}
}

// A world is what one account has in one region.
type world struct {
	*Server
	account, region string
	metrics         map[string][]datum
	alarms          map[string]*alarm
	logs            map[string][]LogEvent
	queries         map[string]*insight
}

// world finds that of an account and region. The lock is held.
func (s *Server) world(account, region string) *world {
	key := Call{Account: account, Region: region}
	w := s.worlds[key]
	if w == nil {
		w = &world{Server: s, account: account, region: region, metrics: map[string][]datum{}, alarms: map[string]*alarm{}, logs: map[string][]LogEvent{}, queries: map[string]*insight{}}
		s.worlds[key] = w
	}
	return w
}

// refusal is an error as AWS answers it.
type refusal struct {
	status        int
	code, message string
}

// Error implements error.
func (r *refusal) Error() string { return r.code + ": " + r.message }

func invalid(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, "InvalidParameterValue", fmt.Sprintf(format, args...)}
}

var (
	rpcPath = regexp.MustCompile(`^/service/GraniteServiceVersion20100801/operation/(\w+)$`)
	scope   = regexp.MustCompile(`Credential=([^/]+)/\d+/([^/]+)/`)
)

// ServeHTTP answers both protocols: CBOR for CloudWatch, JSON for CloudWatch Logs.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var service, operation string
	if m := rpcPath.FindStringSubmatch(r.URL.Path); m != nil {
		service, operation = "cloudwatch", m[1]
	} else if _, after, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "Logs_20140328."); ok {
		service, operation = "logs", after
	}
	body, err := readBody(r)
	var answer any
	if err == nil {
		answer, err = s.answer(whose(r), service, operation, body)
	}
	if service == "logs" {
		writeJSON(rw, answer, err)
		return
	}
	writeCBOR(rw, answer, err)
}

func readBody(r *http.Request) ([]byte, error) {
	body := io.Reader(http.MaxBytesReader(nil, r.Body, 4<<20))
	if r.Header.Get("Content-Encoding") == "gzip" {
		zipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, invalid("the body is not gzip: %v", err)
		}
		body = zipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, invalid("the body cannot be read: %v", err)
	}
	return text, nil
}

// whose account and region a request is signed for. The signature itself is not checked.
func whose(r *http.Request) Call {
	m := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return Call{Account: Account, Region: Region}
	}
	return Call{Account: accountOf(m[1]), Region: m[2]}
}

var keyOfAccount = regexp.MustCompile(`^A[KS]IA[A-Z2-7]{9}`)

const (
	offset   = 549755813888
	alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// keyOf is an access key of an account, as accountOf reads it.
func keyOf(account string) string {
	number, err := strconv.ParseUint(account, 10, 64)
	if err != nil {
		return account
	}
	half := binary.BigEndian.AppendUint64(nil, number/2+offset)[3:]
	return "ASIA" + base32.StdEncoding.EncodeToString(half) + alphabet[16*(number%2):][:1] + "FIREDRI"
}

// accountOf reads the account that an access key carries: its half in base 32, and a character whose half tells odd from even.
func accountOf(key string) string {
	if !keyOfAccount.MatchString(key) {
		return Account
	}
	raw, err := base32.StdEncoding.DecodeString(key[4:12])
	if err != nil {
		return Account
	}
	number := (binary.BigEndian.Uint64(append([]byte{0, 0, 0}, raw...)) - offset) * 2
	if strings.IndexByte(alphabet, key[12]) >= 16 {
		number++
	}
	return fmt.Sprintf("%012d", number)
}

// answer does one operation.
func (s *Server) answer(from Call, service, operation string, body []byte) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.Action = service + ":" + operation
	s.calls = append(s.calls, from)
	if b := s.broken[from.Action]; b != nil && b.left > 0 {
		b.left--
		return nil, &refusal{http.StatusBadRequest, b.code, "told to fail"}
	}
	w := s.world(from.Account, from.Region)
	switch from.Action {
	case "cloudwatch:PutMetricData":
		return handle(body, w.putMetricData)
	case "cloudwatch:GetMetricData":
		return handle(body, w.getMetricData)
	case "cloudwatch:PutMetricAlarm":
		return handle(body, w.putMetricAlarm)
	case "cloudwatch:PutCompositeAlarm":
		return handle(body, w.putCompositeAlarm)
	case "cloudwatch:DescribeAlarms":
		return handle(body, w.describeAlarms)
	case "cloudwatch:SetAlarmState":
		return handle(body, w.setAlarmState)
	case "cloudwatch:DeleteAlarms":
		return handle(body, w.deleteAlarms)
	case "logs:StartQuery":
		return handleJSON(body, w.startQuery)
	case "logs:GetQueryResults":
		return handleJSON(body, w.getQueryResults)
	case "logs:StopQuery":
		return handleJSON(body, w.stopQuery)
	}
	return nil, &refusal{http.StatusNotFound, "UnknownOperationException", "this server does not know " + from.Action}
}

// handle reads the input of an operation as AWS's client has written it.
func handle[In any](body []byte, do func(*In) (any, error)) (any, error) {
	in := new(In)
	if len(body) > 0 {
		value, err := cbor.Decode(body)
		if err != nil {
			return nil, invalid("the body is not CBOR: %v", err)
		}
		text, err := json.Marshal(plain(value))
		if err == nil {
			err = json.Unmarshal(text, in)
		}
		if err != nil {
			return nil, invalid("the input is not understood: %v", err)
		}
	}
	return do(in)
}

func writeCBOR(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.Header().Set("Content-Type", "application/cbor")
	value := encoded(answer)
	if err != nil {
		r := asRefusal(err)
		w.Header().Set("X-Amzn-Query-Error", r.code+";Sender")
		w.WriteHeader(r.status)
		value = cbor.Map{"__type": cbor.String(r.code), "message": cbor.String(r.message)}
	}
	_, _ = w.Write(cbor.Encode(value)) // who hangs up needs no answer
}

func asRefusal(err error) *refusal {
	if r, ok := err.(*refusal); ok {
		return r
	}
	return &refusal{http.StatusInternalServerError, "InternalServiceFault", err.Error()}
}
