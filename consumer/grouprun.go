package consumer

import (
	"context"
	"errors"
)

// Forget drops the result of GroupConfig.Resolve for issuer, whether it is a Consumer or a denial. The next token of
// the issuer calls Resolve again. Forget also drops the cached tokens of that Consumer. It does not affect
// GroupConfig.Consumers.
func (g *Group) Forget(issuer string) {
	if g.resolver != nil {
		g.resolver.forget(issuer)
	}
}

// Warm calls [Consumer.Warm] for all GroupConfig.Consumers, at most 16 at a time, and joins the errors. For Consumers of
// one issuer with the same keys it makes one call. Then it calls the method Warm(context.Context) error of
// GroupConfig.Opaque, if it has one. It does not affect Consumers of GroupConfig.Resolve.
func (g *Group) Warm(ctx context.Context) error {
	err := g.each(maxWarming, func(c *Consumer) error { return c.Warm(ctx) })
	if opaque, ok := g.opaque.(interface {
		Warm(ctx context.Context) error
	}); ok {
		err = errors.Join(err, opaque.Warm(ctx))
	}
	return err
}

// Run calls [Consumer.Run] for all GroupConfig.Consumers. For Consumers of one issuer with the same keys it makes one
// call. It returns nil when ctx ends. It does not affect Consumers of GroupConfig.Resolve.
func (g *Group) Run(ctx context.Context) error {
	err := g.each(len(g.sources), func(c *Consumer) error { return c.Run(ctx) })
	<-ctx.Done() // there may be no Consumer to wait for
	return err
}

// maxWarming limits the issuers that Warm contacts at the same time, so that a process with many issuers does not open
// a connection to each of them at once.
const maxWarming = 16

// each calls f for one Consumer of each key set, for at most atMost of them at the same time, and joins the errors.
func (g *Group) each(atMost int, f func(*Consumer) error) error {
	// A goroutine holds one of the places while it runs f. The buffer of faults has room for all results, so no
	// goroutine waits for a reader.
	places := make(chan struct{}, atMost)
	faults := make(chan error, len(g.sources))
	for _, c := range g.sources {
		places <- struct{}{}
		go func() {
			faults <- f(c)
			<-places
		}()
	}
	var joined []error
	for range g.sources {
		joined = append(joined, <-faults)
	}
	return errors.Join(joined...)
}
