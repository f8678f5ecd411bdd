package oidcdiscovery

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// patience is how long a location may take before the next one is requested as well.
const patience = fetch.DefaultTimeout

// search looks for the document of an issuer. Only one goroutine uses it.
type search struct {
	client    *Client
	issuer    string
	locations []location
	results   chan result
	next      int     // the next location to request
	running   int     // requests without a result
	ended     bool    // no further request may be sent
	openID    bool    // only request locations of OpenID Connect
	faults    []error // of the locations, by their index
}

// result is the outcome of the request to one location.
type result struct {
	index    int
	metadata *Metadata
	err      error
	panicked any // what the transport panicked with
}

// search returns the document at the first location that has it. If that document lacks one of Client.Members, it is
// completed. The error joins those of all locations, in their order.
func (c *Client) search(ctx context.Context, locations []location, issuer string) (*Metadata, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the requests that are still running
	s := &search{
		client: c, issuer: issuer, locations: locations,
		results: make(chan result, len(locations)), faults: make([]error, len(locations)),
	}
	began := time.Now()
	found, ok := s.find(ctx, nil)
	if !ok {
		return nil, errors.Join(s.faults...)
	}
	m := found.metadata
	if c.MetadataURL != "" || locations[found.index].openID || m.hasAll(c.Members) {
		return m, nil
	}
	// The first document may be enough for the caller. So the wait for the second one is short, and longer only if the
	// server sent the first one slowly.
	limit := time.NewTimer(max(patience, 3*time.Since(began)))
	defer limit.Stop()
	return s.complete(ctx, m, limit.C), nil
}

// complete adds the members that only a document of OpenID Connect has.
func (s *search) complete(ctx context.Context, m *Metadata, limit <-chan time.Time) *Metadata {
	// A location of RFC 8414 that was requested before may still respond. Its document does not help.
	s.openID = true
	for {
		found, ok := s.find(ctx, limit)
		switch {
		case !ok:
			m.incomplete = s.unread()
			return m
		case s.locations[found.index].openID:
			return m.merge(found.metadata)
		}
	}
}

// find returns the next document that arrives. It requests one location after the other. If they are slow, it requests two
// or more at the same time. It returns false if no location is left, or when limit is reached.
func (s *search) find(ctx context.Context, limit <-chan time.Time) (result, bool) {
	for {
		if s.running == 0 && !s.start(ctx) {
			return result{}, false
		}
		slow, stop := s.slow()
		select {
		case got := <-s.results:
			stop()
			s.running--
			if got.panicked != nil {
				panic(got.panicked) //nolint:forbidigo // the panic of the caller's transport, which belongs to the caller
			}
			if got.err == nil {
				return got, true
			}
			s.faults[got.index] = got.err
			s.ended = s.ended || ctx.Err() != nil || isRateLimited(got.err)
		case <-slow:
			s.start(ctx)
		case <-limit:
			stop()
			for i, at := range s.locations {
				if at.openID && s.faults[i] == nil {
					s.faults[i] = unavailableError{errors.New("GET " + at.shown() + ": no response in time")}
				}
			}
			return result{}, false
		}
	}
}

// slow returns a channel that signals that the running requests are slow, and a function that releases it. If a request may
// not take longer than patience, there is no signal.
func (s *search) slow() (signal <-chan time.Time, stop func()) {
	if s.client.Timeout <= patience || s.next == len(s.locations) {
		return nil, func() {}
	}
	timer := time.NewTimer(patience)
	return timer.C, func() { timer.Stop() }
}

// start requests the next location. It returns false if there is none.
func (s *search) start(ctx context.Context) bool {
	// Only a document of OpenID Connect can complete the first one, so skip the other locations.
	for s.openID && s.next < len(s.locations) && !s.locations[s.next].openID {
		s.next++
	}
	if s.ended || s.next == len(s.locations) {
		return false
	}
	index := s.next
	s.next++
	s.running++
	go func() {
		got := result{index: index}
		defer func() {
			got.panicked = recover() // in this goroutine, a panic would end the process
			s.results <- got
		}()
		got.metadata, got.err = s.client.load(ctx, s.locations[index], s.issuer)
	}()
	return true
}

// unread returns why no document of OpenID Connect could be read. It returns nil if the server has none: then the first
// document is complete.
func (s *search) unread() error {
	var faults []error
	for i, at := range s.locations {
		if at.openID && !isMissing(s.faults[i]) {
			faults = append(faults, s.faults[i])
		}
	}
	return errors.Join(faults...)
}

// isMissing reports whether the server says that there is nothing at a location.
func isMissing(err error) bool {
	status, ok := errors.AsType[*fetch.StatusError](err)
	return ok && status.Status/100 == 4 && !isRateLimited(err)
}
