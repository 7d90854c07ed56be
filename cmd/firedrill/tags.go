package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/local"
)

// tags reads the tags of targets, of all that are known by the time the first is asked for with few requests.
type tags struct {
	config func(ctx context.Context, at account.Place) (aws.Config, error)

	mu    sync.Mutex
	known map[string]account.Place // by ARN
	read  map[string]map[string]string
}

func newTags(s *session) *tags {
	return &tags{known: map[string]account.Place{}, read: map[string]map[string]string{}, config: func(ctx context.Context, at account.Place) (aws.Config, error) {
		home, err := s.services.home(ctx, "resource_groups_tagging_api")
		if err != nil {
			return aws.Config{}, err
		}
		at.Endpoint = home.Endpoint
		return s.access(ctx, "resource_groups_tagging_api", at, "guards")
	}}
}

// of is a reader of the tags that some resources have in common; they are known from now on.
func (t *tags) of(at account.Place, resources []string) func(context.Context) (map[string]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range resources {
		t.known[id] = at
	}
	return func(ctx context.Context) (map[string]string, error) { return t.common(ctx, resources) }
}

func (t *tags) common(ctx context.Context, resources []string) (map[string]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(resources) == 0 {
		return nil, errors.New("it is nothing that has tags of its own: name a function")
	}
	var out map[string]string
	for _, id := range resources {
		if t.read[id] == nil {
			if err := t.readLike(ctx, id); err != nil {
				return nil, err
			}
		}
		if out == nil {
			out = maps.Clone(t.read[id])
		}
		maps.DeleteFunc(out, func(key, value string) bool { return t.read[id][key] != value })
	}
	return out, nil
}

// maxARNs is how many resources one request may name.
const maxARNs = 100

// readLike reads the tags of all resources that are where one is, and of the same service: AWS refuses the request for the sake of
// one whose tags it does not know. What it does not list has none. t.mu is held.
func (t *tags) readLike(ctx context.Context, like string) error {
	at := t.known[like]
	cfg, err := t.config(ctx, at)
	if err != nil {
		return err
	}
	var missing []string
	for id, place := range t.known {
		if place == at && service(id) == service(like) && t.read[id] == nil {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	client := tagging.NewFromConfig(cfg)
	for some := range slices.Chunk(missing, maxARNs) {
		for _, id := range some {
			t.read[id] = map[string]string{}
		}
		pages := tagging.NewGetResourcesPaginator(client, &tagging.GetResourcesInput{ResourceARNList: some})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				for _, id := range some {
					delete(t.read, id)
				}
				return fmt.Errorf("read tags (needs tag:GetResources): %w", err)
			}
			for _, r := range page.ResourceTagMappingList {
				if read := t.read[aws.ToString(r.ResourceARN)]; read != nil {
					for _, tag := range r.Tags {
						read[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
					}
				}
			}
		}
	}
	return nil
}

func service(id string) string {
	a, _ := arn.Parse(id) // what is no ARN is of no service, and AWS will say so
	return a.Service
}

// whereabouts is where a target is, for guards: what its ARN says, else what is known of its place.
func whereabouts(id, number, region string, here bool) (string, string) {
	if a, err := arn.Parse(id); err == nil && a.AccountID != "" {
		number = a.AccountID
		if a.Region != "" {
			region = a.Region
		}
	}
	if here || number == local.Account {
		return engine.OnThisMachine, region
	}
	return number, region
}
