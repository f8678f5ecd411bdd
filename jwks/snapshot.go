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

// Snapshot keeps a key set beyond the life of the process, so that the next one can start while the issuer is down.
// What is in it is trusted: keep it where nobody else can write. The methods return soon after ctx ends and are safe
// for concurrent use. [SnapshotFile] makes one.
type Snapshot interface {
	// Load returns what Save was last given, and the zero SnapshotData if there is nothing.
	Load(ctx context.Context) (SnapshotData, error)

	// Save replaces what is kept. It is called after each successful fetch.
	Save(ctx context.Context, data SnapshotData) error
}

// SnapshotData is a key set as it was fetched.
type SnapshotData struct {
	Issuer    string    // whose keys they are; empty if nobody has said
	URL       string    // where it was fetched; for another URL it is not used
	Body      []byte    // a JWK Set of the usable keys; read as strictly as one that was fetched
	ETag      string    // of the answer; empty if it had none
	FetchedAt time.Time // the set's age counts from here
}

// Restore is [New] for a set whose URL only the snapshot knows: it loads cfg.Snapshot, which is required, and returns a
// Remote that reads from where the set was fetched and holds it already. cfg.URL is not looked at. Nothing is fetched.
//
// A set that cannot be used, for its age or its content, is an error, which is not told to cfg.OnRefresh. The error
// matches [fs.ErrNotExist] if nothing is kept.
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

// loaded is a Snapshot whose content is known.
type loaded struct {
	Snapshot
	data SnapshotData
}

func (l loaded) Load(context.Context) (SnapshotData, error) { return l.data, nil }

// restore reads the snapshot. Its freshness is that of an answer which does not say.
func (r *Remote) restore(ctx context.Context) (got refresh.Fetched[*set], at time.Time, err error) {
	data, err := r.cfg.Snapshot.Load(ctx)
	switch {
	case err != nil:
		return got, at, err
	case data.FetchedAt.IsZero():
		return got, at, nil
	case data.URL != r.cfg.URL:
		return got, at, errors.New("the snapshot is of another URL") // which is not quoted: it may hold a secret
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
