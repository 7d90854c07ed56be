package remote

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// object is a document in S3.
type object struct {
	service *service
	address *url.URL
}

func openS3(c *client, rest string) (store, error) {
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" || key == "" || strings.ContainsAny(bucket, "@:?#%\\ ") {
		return nil, errors.New("is not of the form s3://BUCKET/KEY")
	}
	s, err := openService(c, "s3")
	if err != nil {
		return nil, err
	}
	u, path := *s.endpoint, "/"+bucket+"/"+key
	if !s.custom && !strings.Contains(bucket, ".") { // a dot would not match the certificate's wildcard
		u.Host, path = bucket+"."+u.Host, "/"+key
	}
	u.Path += path
	u.RawPath = encodePath(u.Path)
	return &object{s, &u}, nil
}

func (o *object) fetch(ctx context.Context, etag string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.address.String(), nil)
	if err != nil {
		return answer{}, err
	}
	keys, err := o.service.credentials.get(ctx, time.Now())
	if err != nil {
		return answer{}, err
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	o.service.sign(r, nil, keys, time.Now())
	got, err := o.service.client.get(r, etag)
	var no *refusal
	if errors.As(err, &no) {
		o.explain(no)
	}
	return got, err
}

// explain reads the error that S3 answered with, and adds what one can do about it.
func (o *object) explain(no *refusal) {
	code := element(no.said, "Code")
	if code != "" {
		no.said = code + " " + element(no.said, "Message")
	}
	switch {
	case code == "ExpiredToken", code == "InvalidToken", code == "InvalidAccessKeyId":
		o.service.credentials.forget()
	case code == "AccessDenied":
		no.hint = "the function's role needs s3:GetObject on it, and s3:ListBucket to tell a missing object from a forbidden one"
	case strings.HasPrefix(no.reason, "status 3"):
		no.hint = "the bucket may be in another region than " + o.service.region
	}
}

// element is the text of the first element with that name, if the beginning of an answer holds it.
func element(text, name string) string {
	_, rest, _ := strings.Cut(text, "<"+name+">")
	inner, _, _ := strings.Cut(rest, "<")
	return inner
}
