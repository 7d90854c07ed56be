package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// profile is an AppConfig configuration, free-form or feature flags, as AWS's extension hands it out on
// localhost. The extension keeps it fresh by itself, so asking it is cheap.
type profile struct {
	client  *client
	address string
}

func openAppConfig(c *client, rest string) (store, error) {
	parts := strings.Split(rest, "/")
	if len(parts) != 3 {
		return nil, errors.New("is not of the form appconfig:APPLICATION/ENVIRONMENT/PROFILE")
	}
	return openProfile(c, parts[0], parts[1], parts[2])
}

func openProfile(c *client, application, environment, name string) (store, error) {
	if application == "" || environment == "" || name == "" {
		return nil, errors.New("an AppConfig profile needs an application, an environment and a name")
	}
	port := c.getenv(ExtensionPort)
	if port == "" {
		port = "2772"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("%s %q is not a port", ExtensionPort, port)
	}
	return &profile{c, fmt.Sprintf("http://localhost:%s/applications/%s/environments/%s/configurations/%s", port,
		url.PathEscape(application), url.PathEscape(environment), url.PathEscape(name))}, nil
}

func (p *profile) fetch(ctx context.Context, etag string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address, nil)
	if err != nil {
		return answer{}, err
	}
	got, err := p.client.get(r, etag)
	if errors.Is(err, syscall.ECONNREFUSED) {
		err = fmt.Errorf("%w (is the layer of the AWS AppConfig extension attached?)", err)
	}
	return got, err
}
