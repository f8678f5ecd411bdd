package statuslist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Warm fetches the keys, the lists of Config.Preload, and those of Config.AggregationURL, unless it has them already. It returns
// nil if all of them can be used now. Otherwise the error matches [ErrUnavailable] and joins the faults of all lists. It waits
// until the fetches have ended, or until ctx ends. Call it before the first request, or in a readiness probe.
func (l *Lists) Warm(ctx context.Context) error {
	if err := l.verifier.Warm(ctx); err != nil {
		return unavailable(err)
	}
	uris, err := l.known(ctx)
	faults := []error{err}
	var wait sync.WaitGroup
	var mu sync.Mutex // guards faults
	// Start at most maxFetches at a time: the timeout of a fetch includes the time in which it waits for others.
	places := make(chan struct{}, maxFetches)
	for _, uri := range uris {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			if err := l.warmList(ctx, uri); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults = append(faults, err)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(faults...); err != nil {
		return unavailable(err)
	}
	return nil
}

// warmList fetches one list, unless it can be used now.
func (l *Lists) warmList(ctx context.Context, uri string) error {
	e, err := l.entryOf(uri)
	if err != nil {
		return err
	}
	e.use(clock.Now())
	if _, err := e.value.Wait(ctx); err != nil {
		return fmt.Errorf("list %.200q: %w", uri, err)
	}
	return nil
}

// known returns the URLs of Config.Preload, and those of the document at Config.AggregationURL that may be fetched. If the document has a
// fault, known returns the URLs of Preload and the error, so that Warm fetches at least those.
func (l *Lists) known(ctx context.Context) (uris []string, err error) {
	uris = append(uris, l.cfg.Preload...)
	if l.cfg.AggregationURL == "" {
		return uris, nil
	}
	resp, err := fetch.Get(ctx, l.cfg.AggregationURL, fetch.Options{
		Client: l.client, Header: http.Header{"Accept": {"application/json"}}, Timeout: l.cfg.Timeout, AllowHTTP: l.cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return uris, fmt.Errorf("Config.AggregationURL: %w", err)
	}
	document, err := compact.ParseObject(string(resp.Body), maxReferenceDepth)
	if err != nil {
		return uris, fmt.Errorf("Config.AggregationURL: %w", err)
	}
	member, _ := document.Get("status_lists")
	named, ok := member.Strings()
	if !ok {
		return uris, errors.New("Config.AggregationURL: status_lists is not an array of strings")
	}
	for _, uri := range named {
		if len(uris) < l.cfg.MaxLists && !slices.Contains(uris, uri) && l.checkURL(uri) == nil {
			uris = append(uris, uri)
		}
	}
	return uris, nil
}

// lookEvery is the time after which Run reads the table again, to find lists that are new, idle or removed.
const lookEvery = time.Second

// Run fetches the keys and the lists whenever they are due, and returns nil when ctx ends. Call it in a goroutine of its own. It
// is optional: without Run, requests start the fetches. Run does not fetch lists that no token has referred to for 1 hour.
func (l *Lists) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	wait.Go(func() { _ = l.verifier.Run(ctx) })
	running := make(map[*entry]context.CancelFunc)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		now := clock.Now()
		// Start a goroutine for each list in use, and end those of lists that are idle or were removed.
		for _, e := range l.table.all() {
			if _, ok := running[e]; !ok && !e.isIdle(now) {
				own, cancel := context.WithCancel(ctx)
				running[e] = cancel
				wait.Go(func() { _ = e.value.Run(own) })
			}
		}
		for e, cancel := range running {
			if e.removed.Load() || e.isIdle(now) {
				cancel()
				delete(running, e)
			}
		}
		select {
		case <-ctx.Done():
			for _, cancel := range running {
				cancel()
			}
			return nil
		case <-ticker.C:
		}
	}
}
