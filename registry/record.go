package registry

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// record is a stored client: the decoded form of a Row.
type record struct {
	id, name, owner string
	version         int64
	body
}

// body is the content of [Row].Data.
type body struct {
	Format       int            `json:"format"`
	Confidential bool           `json:"confidential"`
	RedirectURIs []string       `json:"redirect_uris,omitempty"`
	Flows        []Flow         `json:"flows,omitempty"`
	Secrets      []secretRecord `json:"secrets,omitempty"`
	Created      time.Time      `json:"created"`
	Extra        map[string]any `json:"extra,omitempty"`
}

// format is the version of the content of Row.Data. A row with another format is rejected.
const format = 1

// errRecord is the cause of the error for a row that cannot be read. It does not contain the JSON error, whose text can
// contain a part of the record.
var errRecord = errors.New("registry: the record of a stored client is not in format 1")

// secretRecord is a secret as it is stored in the body of a record.
type secretRecord struct {
	ID       string    `json:"id"`
	Hash     string    `json:"hash"`
	Created  time.Time `json:"created"`
	NotAfter time.Time `json:"not_after,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// lives reports whether the secret has not expired at the time now. A zero NotAfter means that it never expires.
func (s secretRecord) lives(now time.Time) bool { return s.NotAfter.IsZero() || now.Before(s.NotAfter) }

// living returns the secrets that have not expired, the newest first.
func (b body) living(now time.Time) []secretRecord {
	return slices.DeleteFunc(slices.Clone(b.Secrets), func(s secretRecord) bool { return !s.lives(now) })
}

// decode reads a row. It rejects Data that encode would not write with the same content: for example unknown, missing,
// mistyped or repeated members, null, or a member name in another case. It also rejects a public client with secrets. If
// it ignored a part of the Data, that part would be lost when the record is stored again, and a secret or a restriction
// could disappear.
func decode(row Row) (record, error) {
	rec := record{id: row.ID, name: row.Name, owner: row.Owner, version: row.Version}
	if err := json.Unmarshal(row.Data, &rec.body); err != nil || rec.Format != format {
		return record{}, unavailable(errRecord)
	}
	again, err := rec.encode()
	if err != nil || !sameDocument(row.Data, again.Data) || !rec.Confidential && len(rec.Secrets) > 0 {
		return record{}, unavailable(errRecord)
	}
	return rec, nil
}

// encode returns a row. Its Data has at most 64 KiB: 16 KiB of Extra, 32 KiB of RedirectURIs, and less than 1 KiB for each
// of at most 16 secrets.
func (rec record) encode() (Row, error) {
	data, err := json.Marshal(rec.body)
	if err != nil {
		return Row{}, unavailable(errRecord)
	}
	return Row{ID: rec.id, Name: rec.name, Owner: rec.owner, Version: rec.version, Data: data}, nil
}

// client returns a Client that shares no memory with rec, except for the values in Extra.
func (rec record) client() Client {
	c := Client{
		ID: rec.id, Name: rec.name, Owner: rec.owner, Confidential: rec.Confidential, Created: rec.Created,
		RedirectURIs: slices.Clone(rec.RedirectURIs), Flows: slices.Clone(rec.Flows), Extra: maps.Clone(rec.Extra),
	}
	for _, s := range rec.living(time.Now()) {
		c.Secrets = append(c.Secrets, SecretInfo{ID: s.ID, Created: s.Created, NotAfter: s.NotAfter, LastUsed: s.LastUsed})
	}
	return c
}

// read reads a client from the Store. The error is ErrNotFound if there is no client with that id, and otherwise matches
// ErrUnavailable.
func (r *Registry) read(ctx context.Context, id string) (record, error) {
	if !isID(id) {
		return record{}, ErrNotFound
	}
	row, found, err := r.cfg.Store.Get(ctx, id)
	switch {
	case err != nil:
		return record{}, unavailable(err)
	case !found, row.ID != id: // a database with a wrong collation may return the row of another id
		return record{}, ErrNotFound
	}
	return decode(row)
}

const (
	maxID       = 255
	maxChanges  = 20 // attempts
	maxPause    = 50 * time.Millisecond
	firstPause  = time.Millisecond
	maxAtCreate = 5 // attempts
)

// isID reports whether a client can have the id. No other id is sent to the Store.
func isID(id string) bool { return id != "" && len(id) <= maxID && isVisible(id) }

// change reads a client, calls edit, and stores the result. If another call changes the client in the meantime, change
// reads the client and calls edit again, so that neither change is lost. edit must be fast and must only change its record.
func (r *Registry) change(ctx context.Context, id string, edit func(*record) error) (Client, error) {
	pause := firstPause
	for range maxChanges {
		c, done, err := r.tryChange(ctx, id, edit)
		if done || err != nil {
			return c, err
		}
		if err := wait(ctx, rand.N(pause)); err != nil { //nolint:gosec // spreads concurrent calls; not a secret
			return Client{}, unavailable(err)
		}
		// The next random pause may be longer, to keep concurrent calls apart.
		pause = min(2*pause, maxPause)
	}
	return Client{}, ErrConflict
}

// tryChange is one attempt of change. done is false if another call has changed the client in the meantime.
func (r *Registry) tryChange(ctx context.Context, id string, edit func(*record) error) (c Client, done bool, err error) {
	rec, err := r.read(ctx, id)
	if err != nil {
		return Client{}, false, err
	}
	rec.version++
	if err := edit(&rec); err != nil {
		return Client{}, false, err
	}
	row, err := rec.encode()
	if err != nil {
		return Client{}, false, err
	}
	if c, err = rowClient(row); err != nil { // never store a row that cannot be read
		return Client{}, false, err
	}
	done, err = r.cfg.Store.Update(ctx, row)
	if err != nil {
		return Client{}, false, unavailable(err)
	}
	return c, done, nil
}

// rowClient decodes a row. The Client shares no memory with it.
func rowClient(row Row) (Client, error) {
	rec, err := decode(row)
	if err != nil {
		return Client{}, err
	}
	return rec.client(), nil
}

// wait waits for pause. It returns ctx.Err() if ctx ends first.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
