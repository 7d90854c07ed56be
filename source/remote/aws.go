package remote

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// service is one of AWS's in the environment's region.
type service struct {
	client      *client
	name        string
	region      string
	endpoint    *url.URL
	custom      bool // the environment names the endpoint
	credentials *credentials
}

// openService finds where a service is.
func openService(c *client, name string) (*service, error) {
	region := cmp.Or(c.getenv("AWS_REGION"), c.getenv("AWS_DEFAULT_REGION"))
	if region == "" {
		return nil, errors.New("AWS_REGION is not set")
	}
	if strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, fmt.Errorf("AWS_REGION %q is not a region", region)
	}
	s := &service{client: c, name: name, region: region, credentials: &credentials{client: c}}
	address := ""
	if c.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true" {
		address = cmp.Or(c.getenv("AWS_ENDPOINT_URL_"+strings.ToUpper(name)), c.getenv("AWS_ENDPOINT_URL"))
	}
	s.custom = address != ""
	if !s.custom {
		suffix := "amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			suffix += ".cn"
		}
		address = fmt.Sprintf("https://%s.%s.%s", name, region, suffix)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return nil, fmt.Errorf("the endpoint %q is not the URL of a server", shown(address))
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	s.endpoint = u
	return s, nil
}
