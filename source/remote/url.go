package remote

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// link is a document at a URL.
type link struct {
	client  *client
	address string
}

func openURL(c *client, address string) (store, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("is not a URL") // the cause repeats the address, in which there may be secrets
	}
	if u.Host == "" {
		return nil, errors.New("names no host")
	}
	return &link{c, address}, nil
}

func (l *link) fetch(ctx context.Context, etag string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.address, nil)
	if err != nil {
		return answer{}, err
	}
	return l.client.get(r, etag)
}

// shown is a place as the log may show it: without a user's password and without a query, which may be a
// signature.
func shown(config string) string {
	if !strings.HasPrefix(config, "http://") && !strings.HasPrefix(config, "https://") {
		return config
	}
	u, err := url.Parse(config)
	if err != nil {
		scheme, _, _ := strings.Cut(config, ":")
		return scheme + "://..."
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}
