package remote

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

const algorithm = "AWS4-HMAC-SHA256"

// sign adds an AWS Signature, version 4, to a request that has a body, no query, and all of its fields.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func (s *service) sign(r *http.Request, body []byte, k keys, now time.Time) {
	stamp := now.UTC().Format("20060102T150405Z")
	scope := strings.Join([]string{stamp[:8], s.region, s.name, "aws4_request"}, "/")
	digest := sha256.Sum256(body)
	payload := hex.EncodeToString(digest[:])
	r.Header.Set("X-Amz-Date", stamp)
	if k.token != "" {
		r.Header.Set("X-Amz-Security-Token", k.token)
	}
	path := r.URL.EscapedPath()
	if s.name == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", payload)
	} else {
		path = encodePath(path) // once more, but for S3
	}
	fields, names := canonicalFields(r)
	canonical := strings.Join([]string{r.Method, path, "", fields, names, payload}, "\n")
	digest = sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, stamp, scope, hex.EncodeToString(digest[:])}, "\n")

	key := []byte("AWS4" + k.secret)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	r.Header.Set("Authorization", algorithm+" Credential="+k.id+"/"+scope+
		", SignedHeaders="+names+", Signature="+hex.EncodeToString(mac(key, text)))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalFields returns the request's fields as they are signed, and their names.
func canonicalFields(r *http.Request) (fields, names string) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	lines := []string{"host:" + host + "\n"}
	for name, values := range r.Header {
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		lines = append(lines, strings.ToLower(name)+":"+strings.Join(trimmed, ",")+"\n")
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(nameOf(a), nameOf(b)) })
	all := make([]string, len(lines))
	for i, line := range lines {
		all[i] = nameOf(line)
	}
	return strings.Join(lines, ""), strings.Join(all, ";")
}

func nameOf(line string) string { return line[:strings.IndexByte(line, ':')] }

// encodePath escapes a path as AWS does: everything but letters, digits, "-._~" and "/".
func encodePath(path string) string {
	const plain, digits = "-._~/", "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
