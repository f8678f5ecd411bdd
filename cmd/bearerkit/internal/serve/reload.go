package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// reload replaces the state by that of the current file. Requests in progress finish with the old one. If the file is wrong, or
// the keys of an issuer that is new cannot be fetched, the old state stays in use, and the log says why.
func (s *server) reload(ctx context.Context) {
	next, err := s.next(ctx)
	if err != nil {
		s.logger.LogAttrs(ctx, slog.LevelError, "serve: the configuration was not reloaded, and the old one stays in use", slog.String("error", err.Error()))
		return
	}
	s.state.Store(next)
	s.runState(ctx, next)
	s.logger.LogAttrs(ctx, slog.LevelInfo, "serve: configuration reloaded", slog.Int("routes", len(next.config.Routes)))
}

// next returns the state of the current file, whose issuers have keys.
func (s *server) next(ctx context.Context) (*state, error) {
	now := s.state.Load() // issuers that both files have keep their keys and caches
	c, err := s.source.load()
	if err != nil {
		return nil, err
	}
	next, err := newState(c, now, s.durable, s.hooks, s.source.getenv)
	if err != nil {
		return nil, err
	}
	// Without this check, the log would say that a file is in use although a part of it is not.
	if err := sameProcess(now.config, next.config); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(next.config.Timeouts.Warm))
	defer cancel()
	if err := next.issuers.warm(ctx); err != nil {
		return nil, fmt.Errorf("the keys of a new issuer are not available: %w", err)
	}
	// Certificates come last, because loading them replaces those in use.
	return next, s.certificates.load(next.config.Listen.TLS)
}

// sameProcess returns an error if next has a setting that only a new process can use.
func sameProcess(now, next config) error {
	var faults []error
	changed := func(key string, differs bool) {
		if differs {
			faults = append(faults, fmt.Errorf("%s has changed, which needs a restart", key))
		}
	}
	a, b := now.Listen, next.Listen
	changed("listen", a.HTTP != b.HTTP || a.GRPC != b.GRPC || a.Admin != b.Admin || (a.TLS == nil) != (b.TLS == nil))
	changed("log", now.Log != next.Log)
	changed("timeouts.request or timeouts.idle", now.Timeouts.Request != next.Timeouts.Request || now.Timeouts.Idle != next.Timeouts.Idle)
	return errors.Join(faults...)
}
