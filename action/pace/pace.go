package pace

import (
	"context"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// Options change how a Pacer goes about it. The zero value is right for AWS.
type Options struct {
	// Scale multiplies all limits; 0 is 1. Accounts may have higher ones, and tests less time.
	Scale float64
	// Loopback keeps calls to this machine under AWS's limits, too, as a stand-in that has them needs it.
	Loopback bool
}

// A Pacer has the buckets of one process. It is safe for concurrent use.
type Pacer struct {
	o Options

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct {
	account, region, name string
	open                  bool
}

// New makes a Pacer. A process needs one: calls of two that know nothing of each other add up.
func New(o Options) *Pacer {
	if o.Scale <= 0 {
		o.Scale = 1
	}
	return &Pacer{o: o, buckets: map[bucketKey]*bucket{}}
}

// Configure is cfg for clients that keep to the limits of an account, by its id, and try again what may work later;
// invocations are sent at once, and once. An empty account is one of its own; a nil Pacer changes nothing.
func (p *Pacer) Configure(cfg aws.Config, account string) aws.Config {
	if p == nil {
		return cfg // unpaced
	}
	out := cfg.Copy()
	out.Retryer = newRetryer
	open := !p.o.Loopback && isLoopback(aws.ToString(cfg.BaseEndpoint))
	step := &pacing{pacer: p, account: account, open: open}
	out.APIOptions = append(slices.Clone(cfg.APIOptions), func(stack *middleware.Stack) error {
		if _, ok := stack.Finalize.Get("Retry"); !ok {
			return nil // nothing is sent: a request is signed for somebody else
		}
		if err := stack.Finalize.Insert(began{}, "Retry", middleware.Before); err != nil {
			return err
		}
		return stack.Finalize.Insert(step, "Retry", middleware.After)
	})
	return out
}

// bucket is the one that a limit's turns come from.
func (p *Pacer) bucket(region, account, name string, l limit, open bool) *bucket {
	key := bucketKey{account, region, name, open}
	if l.global {
		key.region = ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buckets[key]
	if b == nil {
		b = newBucket(name, l.rate*p.o.Scale, open)
		p.buckets[key] = b
	}
	return b
}

// began starts the account of a call's attempts, before the first one.
type began struct{}

// A tally is what became of a call's attempts so far.
type tally struct {
	began  time.Time
	broken int // by the network
}

type tallyKey struct{}

// ID names the step.
func (began) ID() string { return "FiredrillBegan" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (began) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	return next.HandleFinalize(middleware.WithStackValue(ctx, tallyKey{}, &tally{began: time.Now()}), in)
}

// pacing makes each attempt wait for its turn, before it is signed.
type pacing struct {
	pacer   *Pacer
	account string
	open    bool
}

// ID names the step.
func (*pacing) ID() string { return "FiredrillPace" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (s *pacing) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
	l, name := limitOf(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
	send := next.HandleFinalize
	if l.rate > 0 {
		send = s.pacer.bucket(awsmiddleware.GetRegion(ctx), s.account, name, l, s.open).send(next)
	}
	out, meta, err := send(ctx, in)
	if err != nil && (l.once || middleware.GetStackValue(ctx, tallyKey{}).(*tally).over(err)) {
		err = &overError{err}
	}
	return out, meta, err
}

// over says that no further attempt is worth it.
func (t *tally) over(err error) bool {
	if statusOf(err) == 0 {
		t.broken++
	}
	return t.broken >= maxBroken || time.Since(t.began) > budget
}

// send makes an attempt in its turn, and slows down if AWS says so.
func (b *bucket) send(next middleware.FinalizeHandler) func(context.Context, middleware.FinalizeInput) (middleware.FinalizeOutput, middleware.Metadata, error) {
	return func(ctx context.Context, in middleware.FinalizeInput) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if err := b.turn(ctx); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, &overError{err}
		}
		sent := time.Now()
		out, meta, err := next.HandleFinalize(ctx, in)
		if isThrottle(err) {
			b.throttled(sent)
		}
		return out, meta, err
	}
}

// isLoopback says whether an address is this machine's.
func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}
