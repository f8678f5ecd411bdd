package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/refresh"
)

// Snapshot stores a key set for the next process, so that it can start while the issuer is down. Tokens are verified
// with the stored keys, so store them where nobody else can write. The methods must return soon after ctx ends, and
// must be safe for concurrent use. [SnapshotFile] returns one.
type Snapshot interface {
	// Load returns the data of the last Save, or the zero SnapshotData if there is none.
	Load(ctx context.Context) (SnapshotData, error)

	// Save replaces the stored data. It is called after each successful fetch.
	Save(ctx context.Context, data SnapshotData) error
}

// SnapshotData is a key set as it was fetched.
type SnapshotData struct {
	Issuer    string    // the issuer of the keys; empty if the caller did not set one
	URL       string    // the URL from which it was fetched; the set is not used for another URL
	Body      []byte    // a JWK Set of the usable keys; it is parsed as strictly as a fetched one
	ETag      string    // the entity tag of the response; empty if it had none
	FetchedAt time.Time // the wall time from which the age of the set counts
}

// Restore is like [New], for a set whose URL is known only from its snapshot. It loads cfg.Snapshot, which is required.
// The returned Remote has the loaded set, and fetches later ones from the URL in the snapshot. Restore ignores cfg.URL
// and fetches nothing.
//
// It returns an error if the set cannot be used because of its age or its content. That error is not passed to
// cfg.OnRefresh. The error matches [fs.ErrNotExist] if there is no snapshot.
func Restore(ctx context.Context, cfg Config) (*Remote, error) {
	if cfg.Snapshot == nil {
		return nil, errors.New("jwks: Config.Snapshot is required")
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(cfg.Timeout, fetch.DefaultTimeout))
	defer cancel()
	data, err := cfg.Snapshot.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	if data.FetchedAt.IsZero() {
		return nil, fmt.Errorf("jwks: snapshot: %w", fs.ErrNotExist)
	}
	cfg.URL, cfg.Snapshot = data.URL, loaded{cfg.Snapshot, data}
	r, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := r.value.Restore(ctx); err != nil {
		return nil, fmt.Errorf("jwks: snapshot: %w", err)
	}
	return r, nil
}

// loaded is a Snapshot whose data is already in memory. Load returns that data.
type loaded struct {
	Snapshot
	data SnapshotData
}

// Load implements [Snapshot].
func (l loaded) Load(context.Context) (SnapshotData, error) { return l.data, nil }

// restore loads the snapshot. Its set is fresh for FreshFor, like that of a response without caching headers.
func (r *Remote) restore(ctx context.Context) (got refresh.Fetched[*set], at time.Time, err error) {
	data, err := r.cfg.Snapshot.Load(ctx)
	switch {
	case err != nil:
		return got, at, err
	case data.FetchedAt.IsZero():
		return got, at, nil
	case data.URL != r.cfg.URL:
		return got, at, errors.New("the snapshot was fetched from another URL") // which is not quoted, because it may contain a secret
	case int64(len(data.Body)) > r.cfg.MaxBytes:
		return got, at, errors.New("the snapshot is larger than Config.MaxBytes")
	}
	got.Value, err = parseSet(string(data.Body), r.cfg.MaxKeys, nil)
	if err == nil {
		got.Value.etag = entityTag(data.ETag)
	}
	return got, data.FetchedAt, err
}

// save saves s, which was fetched at the given time. It recovers a panic, which would end the process because this is not
// a request's goroutine.
func (r *Remote) save(ctx context.Context, s *set, fetchedAt time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	return r.cfg.Snapshot.Save(ctx, SnapshotData{
		URL: r.cfg.URL, Body: s.document(), ETag: s.etag, FetchedAt: fetchedAt.UTC(),
	})
}
