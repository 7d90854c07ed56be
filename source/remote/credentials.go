package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// keys are what a request is signed with.
type keys struct{ id, secret, token string }

// credentials finds keys: those in the environment, else those of the container's endpoint, which functions
// with SnapStart have instead.
type credentials struct {
	client *client

	mu      sync.Mutex
	cached  keys
	expires time.Time
}

// earlier is how long before their end keys are replaced.
const earlier = 5 * time.Minute

// get returns keys that are valid at now.
func (c *credentials) get(ctx context.Context, now time.Time) (keys, error) {
	env := c.client.getenv
	if k := (keys{env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN")}); k.id != "" && k.secret != "" {
		return k, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.expires.Add(-earlier)) {
		return c.cached, nil
	}
	address, err := c.endpoint()
	if err != nil {
		return keys{}, &refusal{reason: err.Error()}
	}
	k, expires, err := c.ask(ctx, address)
	if err != nil {
		// What the endpoint says of keys is not what the store says of the document: it may pass.
		return keys{}, fmt.Errorf("ask the container's endpoint for credentials: %w", err)
	}
	c.cached, c.expires = k, expires
	return k, nil
}

// forget drops keys that AWS has refused.
func (c *credentials) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached, c.expires = keys{}, time.Time{}
}

// endpoint is the address that hands out the container's keys. They go over plain HTTP only where nobody can
// listen: this host, and the addresses that ECS and EKS reserve.
func (c *credentials) endpoint() (string, error) {
	if path := c.client.getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); path != "" {
		return "http://169.254.170.2/" + strings.TrimPrefix(path, "/"), nil
	}
	full := c.client.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if full == "" {
		return "", errors.New("there are no AWS credentials in the environment")
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !private(u.Hostname())) {
		return "", errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address on this host")
	}
	return full, nil
}

func private(host string) bool {
	if host == "localhost" || net.ParseIP(host).IsLoopback() {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip == netip.MustParseAddr("169.254.170.2") || ip == netip.MustParseAddr("169.254.170.23") ||
		ip == netip.MustParseAddr("fd00:ec2::23"))
}

func (c *credentials) ask(ctx context.Context, address string) (keys, time.Time, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return keys{}, time.Time{}, errors.New("its address is malformed")
	}
	token := c.client.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := c.client.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return keys{}, time.Time{}, err
		}
		token = cmp.Or(strings.TrimSpace(string(content)), token)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	resp, body, err := c.client.do(r)
	if err != nil {
		return keys{}, time.Time{}, errors.New(err.Error()) // a refusal of keys is none of the document
	}
	if resp.StatusCode != http.StatusOK {
		return keys{}, time.Time{}, fmt.Errorf("status %d", resp.StatusCode)
	}
	var out struct {
		AccessKeyId, SecretAccessKey, Token string
		Expiration                          time.Time
	}
	if err := json.Unmarshal(body, &out); err != nil || out.AccessKeyId == "" || out.SecretAccessKey == "" {
		return keys{}, time.Time{}, errors.New("its answer has no keys")
	}
	return keys{out.AccessKeyId, out.SecretAccessKey, out.Token}, out.Expiration, nil
}
