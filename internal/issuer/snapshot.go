package issuer

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
	"github.com/bearerkit/bearerkit/jwks"
)

// ownSnapshot writes the issuer into a snapshot and rejects the snapshot of another issuer, in case two issuers were
// given the same [jwks.Snapshot] by mistake.
type ownSnapshot struct {
	jwks.Snapshot
	issuer string
}

// Load implements [jwks.Snapshot]. With the keys of another issuer in use, that issuer could sign tokens in the name of
// this one.
func (s ownSnapshot) Load(ctx context.Context) (jwks.SnapshotData, error) {
	data, err := s.Snapshot.Load(ctx)
	if err != nil || data.FetchedAt.IsZero() {
		return jwks.SnapshotData{}, err
	}
	if data.Issuer != s.issuer {
		return jwks.SnapshotData{}, errors.New("the snapshot is of another issuer")
	}
	return data, nil
}

// Save implements [jwks.Snapshot].
func (s ownSnapshot) Save(ctx context.Context, data jwks.SnapshotData) error {
	data.Issuer = s.issuer
	return s.Snapshot.Save(ctx, data)
}

// saveOnly is a Snapshot that was loaded before and is not loaded again.
type saveOnly struct{ jwks.Snapshot }

// Load implements [jwks.Snapshot]. The zero data means that there is no snapshot.
func (saveOnly) Load(context.Context) (jwks.SnapshotData, error) { return jwks.SnapshotData{}, nil }

// provisional is how long a document from a snapshot is fresh: so short that the metadata is fetched at once.
const provisional = time.Nanosecond

// restoring returns a function that loads the key set of a snapshot, which also contains the URL of the set. The URL is
// checked like one from discovery. If there is no snapshot, the function returns the zero time and no error.
func restoring(cache jwks.Config) func(context.Context) (refresh.Fetched[*document], time.Time, error) {
	return func(ctx context.Context) (got refresh.Fetched[*document], at time.Time, err error) {
		keys, err := newKeySet(cache, func(cache jwks.Config) (*jwks.Remote, error) { return jwks.Restore(ctx, cache) })
		// A process that starts for the first time has no snapshot. That is not an error: the zero time says that there
		// is no value.
		if errors.Is(err, fs.ErrNotExist) {
			return got, at, nil
		}
		if err != nil {
			return got, at, err
		}
		got.Value, got.FreshFor = &document{keys: keys}, provisional
		return got, keys.Stats().LastSuccess, nil
	}
}
