package consumer

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/bearerkit/bearerkit/jwks"
)

// logMetadataFailure logs a failed fetch of metadata.
func (cfg Config) logMetadataFailure(ctx context.Context, err error) {
	cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "issuer metadata not refreshed",
		slog.String("issuer", cfg.Issuer), slog.String("error", err.Error()))
}

// logRefreshes returns a function that logs failed fetches and unusable keys, adds the quirks of the key set to quirks,
// and then calls next, which may be nil.
func (cfg Config) logRefreshes(
	quirks *quirkLog, next func(context.Context, jwks.Refresh),
) func(context.Context, jwks.Refresh) {
	logger := cfg.Logger.With(slog.String("issuer", cfg.Issuer))
	unusable := new(unusableKeys)
	return func(ctx context.Context, r jwks.Refresh) {
		if r.Err != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "keys not refreshed",
				slog.String("cause", r.Cause), slog.String("error", r.Err.Error()))
		}
		if r.SnapshotErr != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "keys not saved", slog.String("error", r.SnapshotErr.Error()))
		}
		if unusable.changed(r) {
			logUnusable(ctx, logger, r.Unusable)
		}
		quirks.addReported(ctx, r.Quirks...)
		if next != nil {
			next(ctx, r)
		}
	}
}

// unusableKeys holds the unusable keys that were logged last. A key set is fetched every few minutes, and each fault in
// it is logged once.
type unusableKeys struct {
	mu   sync.Mutex // guards last
	last []jwks.UnusableKey
}

// changed reports whether the unusable keys of r differ from those that were logged last.
func (u *unusableKeys) changed(r jwks.Refresh) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if r.Err != nil && len(r.Unusable) == 0 || slices.Equal(u.last, r.Unusable) { // a failed fetch says nothing about the keys
		return false
	}
	u.last = r.Unusable
	return true
}

// maxUnusableLines limits the lines about one key set. An issuer can publish 1000 unusable keys, and others each minute.
const maxUnusableLines = 20

// logUnusable writes one line for each key that the issuer publishes and the kit does not use, the most severe ones first.
func logUnusable(ctx context.Context, logger *slog.Logger, keys []jwks.UnusableKey) {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b jwks.UnusableKey) int {
		return cmp.Compare(unusableLevel(b.Cause), unusableLevel(a.Cause))
	})
	for _, key := range keys[:min(len(keys), maxUnusableLines)] {
		logger.LogAttrs(ctx, unusableLevel(key.Cause), "key not used",
			slog.String("kid", key.KeyID), slog.String("cause", string(key.Cause)), slog.String("detail", key.Detail))
	}
	if more := len(keys) - maxUnusableLines; more > 0 {
		logger.LogAttrs(ctx, slog.LevelWarn, "more keys not used", slog.Int("keys", more))
	}
}

// unusableLevel returns the log level for an unusable key. A published secret is an emergency. A key for another
// purpose is normal.
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
