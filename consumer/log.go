package consumer

import (
	"context"
	"log/slog"

	"github.com/bearerkit/bearerkit/jwks"
)

// logUnlocated tells of metadata that could not be had.
func (d *discovered) logUnlocated(ctx context.Context, err error) {
	d.logger.LogAttrs(ctx, slog.LevelWarn, "issuer metadata not refreshed",
		slog.String("issuer", d.issuer), slog.String("error", err.Error()))
}

// logRefreshes tells of keys that could not be had or used, and then calls next, which may be nil.
func (cfg Config) logRefreshes(next func(context.Context, jwks.Refresh)) func(context.Context, jwks.Refresh) {
	logger := cfg.Logger.With(slog.String("issuer", cfg.Issuer))
	return func(ctx context.Context, r jwks.Refresh) {
		if r.Err != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "keys not refreshed",
				slog.String("cause", r.Cause), slog.String("error", r.Err.Error()))
		}
		if r.SnapshotErr != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "keys not saved", slog.String("error", r.SnapshotErr.Error()))
		}
		for _, key := range r.Unusable {
			logger.LogAttrs(ctx, unusableLevel(key.Cause), "key left out",
				slog.String("kid", key.KeyID), slog.String("cause", string(key.Cause)), slog.String("detail", key.Detail))
		}
		if next != nil {
			next(ctx, r)
		}
	}
}

// unusableLevel: a published secret is an emergency, a key for another purpose is nothing to worry about.
func unusableLevel(cause jwks.Fault) slog.Level {
	switch cause {
	case jwks.FaultPrivate, jwks.FaultSymmetric:
		return slog.LevelError
	case jwks.FaultUse, jwks.FaultType:
		return slog.LevelDebug
	default:
		return slog.LevelWarn
	}
}
