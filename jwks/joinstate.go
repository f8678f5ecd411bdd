package jwks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/internal/signature"
)

// A consumer looks for the methods in this file by a type assertion. They are not part of [Source], because most sources
// need none of them. Each method of joined calls the same method of those sources that have it.

// Algorithms returns the algorithms that the keys of all sources serve.
func (j *joined) Algorithms() []string {
	var all []string
	for _, s := range j.sources {
		if nilcheck.IsNil(s) { // Validate reports it
			continue
		}
		if s, ok := s.(interface{ Algorithms() []string }); ok {
			all = append(all, s.Algorithms()...)
			continue
		}
		all = append(all, signature.Public()...) // the source may have public keys of any kind
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Mixed reports whether there are both secrets and public keys. Package consumer then accepts algorithms of both kinds.
func (j *joined) Mixed() bool {
	isHMAC := func(alg string) bool { return signature.SecretLength(alg) > 0 }
	all := j.Algorithms()
	return slices.ContainsFunc(all, isHMAC) && slices.ContainsFunc(all, func(alg string) bool { return !isHMAC(alg) })
}

// Confirm passes a key that has verified a token to the sources that need to know it; see [PEMEndpoint.Confirm].
func (j *joined) Confirm(key Key) {
	for _, s := range j.sources {
		if s, ok := s.(*PEMEndpoint); ok {
			s.Confirm(key)
		}
	}
}

// Validate returns nil if all sources are valid, and otherwise an error that joins all faults.
func (j *joined) Validate() error {
	if len(j.sources) == 0 {
		return errors.New("jwks: Join has no sources")
	}
	var faults []error
	for i, s := range j.sources {
		if nilcheck.IsNil(s) {
			faults = append(faults, fmt.Errorf("jwks: source %d of Join is nil", i))
			continue
		}
		if s, ok := s.(interface{ Validate() error }); ok {
			faults = append(faults, s.Validate())
		}
	}
	return errors.Join(faults...)
}

// Warm calls Warm for all sources that are fetched. It returns nil if the keys of all of them are usable.
func (j *joined) Warm(ctx context.Context) error {
	return j.each(func(s Source) error {
		if s, ok := s.(interface{ Warm(context.Context) error }); ok {
			return s.Warm(ctx)
		}
		return nil
	})
}

// Refresh calls Refresh for all sources that are fetched.
func (j *joined) Refresh(ctx context.Context) error {
	return j.each(func(s Source) error {
		if s, ok := s.(interface{ Refresh(context.Context) error }); ok {
			return s.Refresh(ctx)
		}
		return nil
	})
}

// Run calls Run for all sources that are fetched, and returns when ctx ends.
func (j *joined) Run(ctx context.Context) error {
	err := j.each(func(s Source) error {
		if s, ok := s.(interface{ Run(context.Context) error }); ok {
			return s.Run(ctx)
		}
		return nil
	})
	<-ctx.Done() // if no source has a Run, each has returned at once
	return err
}

// each calls f for all sources at the same time and joins the errors.
func (j *joined) each(f func(Source) error) error {
	faults := make([]error, len(j.sources))
	var running sync.WaitGroup
	for i, s := range j.sources {
		running.Go(func() { faults[i] = f(s) })
	}
	running.Wait()
	return errors.Join(faults...)
}

// Stats returns the sums of the counts of all sources. Keys is 0 if one of the sources that are fetched has no usable
// keys. The times are those of the oldest set, and LastError joins the errors of all sources.
func (j *joined) Stats() Stats {
	var sum Stats
	var faults []error
	down := false
	for _, source := range j.sources {
		var s Stats
		switch source := source.(type) {
		case interface{ Stats() Stats }:
			s = source.Stats()
			down = down || s.Keys == 0
		case *FileSource:
			s = Stats{Keys: source.len(), LastError: source.Err()}
		case Static:
			s = Stats{Keys: len(source)}
		case interface{ Err() error }:
			s = Stats{LastError: source.Err()}
		}
		faults = append(faults, s.LastError)
		sum.add(s)
	}
	if down {
		sum.Keys = 0
	}
	sum.LastError = errors.Join(faults...)
	return sum
}

// add adds the counts of o to s, and keeps the older times.
func (s *Stats) add(o Stats) {
	s.Keys += o.Keys
	s.Unusable += o.Unusable
	s.ForcedFetches += o.ForcedFetches
	s.SkippedForced += o.SkippedForced
	s.ConsecutiveFailures = max(s.ConsecutiveFailures, o.ConsecutiveFailures)
	if s.LastSuccess.IsZero() || o.Age > s.Age {
		s.Age, s.LastSuccess = o.Age, o.LastSuccess
	}
}
