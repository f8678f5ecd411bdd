package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// record is a client with all that is stored of it.
type record struct {
	id, name, owner string
	version         int64
	body
}

// body is what stands in [Row].Data.
type body struct {
	Format       int            `json:"format"`
	Confidential bool           `json:"confidential"`
	RedirectURIs []string       `json:"redirect_uris,omitempty"`
	Flows        []Flow         `json:"flows,omitempty"`
	Secrets      []secretRecord `json:"secrets,omitempty"`
	Created      time.Time      `json:"created"`
	Extra        map[string]any `json:"extra,omitempty"`
}

const format = 1

var errRecord = errors.New("registry: what is stored of a client is in no known form")

type secretRecord struct {
	ID       string    `json:"id"`
	Hash     string    `json:"hash"`
	Created  time.Time `json:"created"`
	NotAfter time.Time `json:"not_after,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

func (s secretRecord) lives(now time.Time) bool { return s.NotAfter.IsZero() || now.Before(s.NotAfter) }

// living returns the secrets that have not ended, the newest first.
func (b body) living(now time.Time) []secretRecord {
	return slices.DeleteFunc(slices.Clone(b.Secrets), func(s secretRecord) bool { return !s.lives(now) })
}

// decode refuses members it does not know: a newer version of this package has written them, and to store the record
// again would lose them.
func decode(row Row) (record, error) {
	rec := record{id: row.ID, name: row.Name, owner: row.Owner, version: row.Version}
	decoder := json.NewDecoder(bytes.NewReader(row.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&rec.body); err != nil {
		return record{}, unavailable(fmt.Errorf("%w: %w", errRecord, err))
	}
	if _, err := decoder.Token(); rec.Format != format || !errors.Is(err, io.EOF) {
		return record{}, unavailable(errRecord)
	}
	return rec, nil
}

// encode returns a row whose Data is at most 64 KiB long: 16 of Extra, 32 of RedirectURIs, and less than 1 for each secret.
func (rec record) encode() (Row, error) {
	data, err := json.Marshal(rec.body)
	if err != nil {
		return Row{}, unavailable(fmt.Errorf("%w: %w", errRecord, err))
	}
	return Row{ID: rec.id, Name: rec.name, Owner: rec.owner, Version: rec.version, Data: data}, nil
}

// client shares no memory with rec, except inside Extra.
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

// read returns ErrNotFound if there is no such client.
func (r *Registry) read(ctx context.Context, id string) (record, error) {
	if !isID(id) {
		return record{}, ErrNotFound
	}
	row, found, err := r.cfg.Store.Get(ctx, id)
	switch {
	case err != nil:
		return record{}, unavailable(err)
	case !found, row.ID != id: // no store may take one id for another, and this is not left to its collation
		return record{}, ErrNotFound
	}
	return decode(row)
}

const (
	maxID       = 255
	maxChanges  = 20 // tries
	maxPause    = 50 * time.Millisecond
	firstPause  = time.Millisecond
	maxAtCreate = 5 // tries
)

func isID(id string) bool { return id != "" && len(id) <= maxID && isVisible(id) }

// change stores what edit makes of a client. When someone else changes the client meanwhile, edit is called again with
// the result of that, so nothing is lost. edit must be quick and do nothing but change its record.
func (r *Registry) change(ctx context.Context, id string, edit func(*record) error) (Client, error) {
	pause := firstPause
	for range maxChanges {
		c, done, err := r.tryChange(ctx, id, edit)
		if done || err != nil {
			return c, err
		}
		if err := wait(ctx, rand.N(pause)); err != nil { //nolint:gosec // so that two do not meet again
			return Client{}, unavailable(err)
		}
		pause = min(2*pause, maxPause)
	}
	return Client{}, ErrConflict
}

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
	if c, err = rowClient(row); err != nil { // what cannot be read is not stored
		return Client{}, false, err
	}
	done, err = r.cfg.Store.Update(ctx, row)
	if err != nil {
		return Client{}, false, unavailable(err)
	}
	return c, done, nil
}

// rowClient reads a client from its row, so that it shares no memory with anything.
func rowClient(row Row) (Client, error) {
	rec, err := decode(row)
	if err != nil {
		return Client{}, err
	}
	return rec.client(), nil
}

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
