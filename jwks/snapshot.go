package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
)

// Snapshot keeps a key set beyond the life of the process, so that the next one can start while the issuer is down.
// What is in it is trusted: keep it where nobody else can write. The methods return soon after ctx ends and are safe
// for concurrent use.
type Snapshot interface {
	// Load returns what Save was last given, and the zero SnapshotData if there is nothing.
	Load(ctx context.Context) (SnapshotData, error)

	// Save replaces what is kept. It is called after each successful fetch.
	Save(ctx context.Context, data SnapshotData) error
}

// SnapshotData is a key set as it was fetched.
type SnapshotData struct {
	URL       string    // where it was fetched; for another URL it is not used
	Body      []byte    // a JWK Set of the usable keys; read as strictly as one that was fetched
	ETag      string    // of the answer; empty if it had none
	FetchedAt time.Time // the set's age counts from here
}

// restore reads the snapshot. Its freshness is that of an answer which does not say.
func (r *Remote) restore(ctx context.Context) (got refresh.Fetched[*set], at time.Time, err error) {
	data, err := r.cfg.Snapshot.Load(ctx)
	switch {
	case err != nil:
		return got, at, err
	case data.FetchedAt.IsZero():
		return got, at, nil
	case data.URL != r.cfg.URL:
		return got, at, errors.New("the snapshot is of another URL")
	case int64(len(data.Body)) > r.cfg.MaxBytes:
		return got, at, errors.New("the snapshot is larger than MaxBytes")
	}
	got.Value, err = parseSet(string(data.Body), r.cfg.MaxKeys, nil)
	if err == nil {
		got.Value.etag = entityTag(data.ETag)
	}
	return got, data.FetchedAt, err
}

// save runs in a goroutine of our own, so a panic must end here.
func (r *Remote) save(ctx context.Context, s *set) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	return r.cfg.Snapshot.Save(ctx, SnapshotData{
		URL: r.cfg.URL, Body: s.document(), ETag: s.etag, FetchedAt: time.Now().UTC(),
	})
}
