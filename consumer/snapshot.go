package consumer

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
	"github.com/bearerkit/bearerkit/jwks"
)

// issuerSnapshot keeps the keys of one issuer. It takes none of another's, if two have been given the same Snapshot by
// mistake.
type issuerSnapshot struct {
	jwks.Snapshot
	issuer string
}

func (s issuerSnapshot) Load(ctx context.Context) (jwks.SnapshotData, error) {
	data, err := s.Snapshot.Load(ctx)
	if err != nil || data.FetchedAt.IsZero() {
		return jwks.SnapshotData{}, err
	}
	if data.Issuer != s.issuer {
		return jwks.SnapshotData{}, errors.New("the snapshot is of another issuer")
	}
	return data, nil
}

func (s issuerSnapshot) Save(ctx context.Context, data jwks.SnapshotData) error {
	data.Issuer = s.issuer
	return s.Snapshot.Save(ctx, data)
}

// usedUp is a Snapshot that has been loaded before.
type usedUp struct{ jwks.Snapshot }

func (usedUp) Load(context.Context) (jwks.SnapshotData, error) { return jwks.SnapshotData{}, nil }

// provisional is how long the place of a snapshot counts as asked for: not at all, so that the issuer is asked at once.
const provisional = time.Nanosecond

// restoring returns what restores the key set of the snapshot in the place that the snapshot names. The place is checked
// like one that discovery has found.
func restoring(cache jwks.Config) func(context.Context) (refresh.Fetched[*keySet], time.Time, error) {
	return func(ctx context.Context) (got refresh.Fetched[*keySet], at time.Time, err error) {
		keys, err := newKeySet(cache, func(cache jwks.Config) (*jwks.Remote, error) { return jwks.Restore(ctx, cache) })
		if errors.Is(err, fs.ErrNotExist) {
			return got, at, nil
		}
		if err != nil {
			return got, at, err
		}
		return refresh.Fetched[*keySet]{Value: keys, FreshFor: provisional}, keys.Stats().LastSuccess, nil
	}
}
