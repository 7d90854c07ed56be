package remote

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/internal/moto"
)

// cloud is an account in moto.
type cloud struct {
	t       *testing.T
	address string
}

func (c cloud) env(more ...string) []string {
	return append([]string{"AWS_ENDPOINT_URL", c.address, "AWS_REGION", "eu-west-1",
		"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "token"}, more...)
}

// call sends one signed request.
func (c cloud) call(service, method, path, body string, fields ...string) {
	c.t.Helper()
	cl := newClient(environ(c.env()...))
	s, err := openService(cl, service)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.address+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	k, err := s.credentials.get(c.t.Context(), time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	s.sign(r, []byte(body), k, time.Now())
	resp, answer, err := cl.do(r)
	if err != nil || resp.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %v %s", method, path, err, answer)
	}
}

func (c cloud) ssm(operation, body string) {
	c.t.Helper()
	c.call("ssm", "POST", "/", body, "X-Amz-Target", "AmazonSSM."+operation, "Content-Type", "application/x-amz-json-1.1")
}

func (c cloud) put(name, kind, document string) {
	c.t.Helper()
	c.ssm("PutParameter", fmt.Sprintf(`{"Name":%q,"Type":%q,"Value":%q,"Overwrite":true}`, name, kind, document))
}

func TestAWSServices(t *testing.T) {
	c := cloud{t, moto.Start(t)}
	c.put("first", "String", "{}") // the stand-in loads a service as it is first asked, which may take longer than an attempt
	t.Run("parameter", func(t *testing.T) {
		for _, kind := range []string{"String", "SecureString"} {
			name := "/shop/" + kind
			o := fromEnv(t, c.env("FIREDRILL_CONFIG", "ssm:"+name)...)
			o.settled(false, "there is no such parameter: ParameterNotFound")
			c.put(name, kind, armed)
			o.again()
			o.settled(true, "ParameterNotFound")
			c.put(name, kind, `{"exception":{"enabled":false}}`)
			o.again()
			o.settled(false, "ParameterNotFound")
			c.put(name, kind, armed)
			o.again()
			o.settled(true, "ParameterNotFound")
			c.ssm("DeleteParameter", fmt.Sprintf(`{"Name":%q}`, name))
			o.again()
			o.settled(false, "ParameterNotFound")
		}
	})
	t.Run("other tools' documents", func(t *testing.T) {
		c.put("f1", "String", `{"latency":{"enabled":true,"percentage":100,"min_latency":1,"max_latency":2}}`)
		fromEnv(t, c.env(FailureParam, "f1")...).settled(true, "")
		c.put("f0", "String", `{"isEnabled":true,"failureMode":"latency","rate":1,"minLatency":100,"maxLatency":400,"exceptionMsg":"x","statusCode":404}`)
		fromEnv(t, c.env(FailureParam, "f0")...).settled(true, "")
		c.put("c", "String", `{"fault_type":"exception","is_enabled":true,"exception_msg":"x","rate":1}`)
		fromEnv(t, c.env(ChaosParam, "c")...).settled(true, "")
	})
	t.Run("object", func(t *testing.T) {
		c.call("s3", "PUT", "/drills", `<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`)
		o := fromEnv(t, c.env("FIREDRILL_CONFIG", "s3://drills/a b/ä+.json")...)
		o.settled(false, "NoSuchKey")
		key := "/drills" + encodePath("/a b/ä+.json")
		for i, document := range []string{armed, `{}`, armed} {
			c.call("s3", "PUT", key, document)
			o.again()
			o.settled(i != 1, "NoSuchKey")
			etag := o.Source.(*live).etag
			o.again() // the same again, known by its ETag
			o.settled(i != 1, "NoSuchKey")
			if now := o.Source.(*live).etag; etag == "" || now != etag {
				t.Errorf("ETag %s, then %s", etag, now)
			}
			if got, err := o.Source.(*live).store.fetch(t.Context(), etag); err != nil || !got.same {
				t.Errorf("%+v, %v, want the same", got, err)
			}
		}
		c.call("s3", "DELETE", key, "")
		o.again()
		o.settled(false, "NoSuchKey")
	})
}
