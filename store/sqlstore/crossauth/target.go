package crossauth

import (
	"context"
	"errors"
	"slices"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// target reads and writes the target. In a dry run it only reads.
type target struct {
	*sqlstore.Store

	dry   bool
	empty bool // the tables do not exist yet, which is possible in a dry run
}

// newTarget checks the tables of the target.
func newTarget(ctx context.Context, cfg Config) (target, error) {
	t := target{Store: cfg.Target, dry: cfg.DryRun}
	_, _, err := cfg.Target.Imports().Get(ctx, sqlstore.ImportedClient, "", "")
	if cfg.DryRun && errors.Is(err, sqlstore.ErrSchema) {
		t.empty = true
		return t, nil
	}
	return t, err
}

// record returns the record of an earlier import.
func (t target) record(ctx context.Context, kind sqlstore.ImportKind, key, owner string) (sqlstore.ImportRecord, bool, error) {
	if t.empty {
		return sqlstore.ImportRecord{}, false, nil
	}
	return t.Imports().Get(ctx, kind, key, owner)
}

// each calls do with the records of a kind.
func (t target) each(ctx context.Context, kind sqlstore.ImportKind, do func(sqlstore.ImportRecord)) error {
	if t.empty {
		return nil
	}
	return t.Imports().Each(ctx, kind, func(record sqlstore.ImportRecord) error { do(record); return nil })
}

// recording is the store of a registry that imports one client after the other. It records each client that it creates.
type recording struct {
	*sqlstore.Clients

	target target
	digest []byte // of the client that is imported
}

// Get implements registry.Store.
func (r *recording) Get(ctx context.Context, id string) (registry.Row, bool, error) {
	if r.target.empty {
		return registry.Row{}, false, nil
	}
	return r.Clients.Get(ctx, id)
}

// Create implements registry.Store.
func (r *recording) Create(ctx context.Context, row registry.Row) (bool, error) {
	if r.target.dry {
		_, exists, err := r.Get(ctx, row.ID)
		return !exists, err
	}
	return r.target.Imports().CreateClient(ctx, row, r.digest)
}

// setAuthorization stores an authorization. In a dry run, it predicts the result: its cases are those of Imports.SetAuthorization.
func (t target) setAuthorization(ctx context.Context, a sqlstore.Authorization, digest []byte) (sqlstore.ImportOutcome, error) {
	switch {
	case t.empty:
		return sqlstore.RowImported, nil
	case !t.dry:
		return t.Imports().SetAuthorization(ctx, a, digest)
	}
	record, known, err := t.record(ctx, sqlstore.ImportedAuthorization, a.ClientID, a.Owner)
	if err != nil {
		return 0, err
	}
	scopes, err := t.Authorizations().Get(ctx, a.ClientID, a.Owner)
	wanted := slices.Clone(a.Scopes)
	slices.Sort(wanted)
	switch {
	case err != nil:
		return 0, err
	case !known && len(scopes) == 0:
		return sqlstore.RowImported, nil
	case !known && !slices.Equal(scopes, wanted):
		return sqlstore.RowExists, nil
	case known && !slices.Equal(record.Digest, digest):
		return sqlstore.RowChangedInSource, nil
	case known && len(scopes) == 0:
		return sqlstore.RowDeletedInTarget, nil
	case known && !slices.Equal(scopes, wanted):
		return sqlstore.RowChangedInTarget, nil
	}
	return sqlstore.RowUnchanged, nil
}

// importTokens stores tokens. In a dry run, it predicts the results.
func (t target) importTokens(ctx context.Context, tokens []sqlstore.ImportRecord) ([]sqlstore.ImportOutcome, error) {
	if !t.dry {
		return t.Imports().ImportTokens(ctx, tokens)
	}
	outcomes := make([]sqlstore.ImportOutcome, len(tokens))
	for i, token := range tokens {
		outcome, err := t.predictToken(ctx, token)
		if err != nil {
			return nil, err
		}
		outcomes[i] = outcome
	}
	return outcomes, nil
}

// predictToken predicts the result of the import of a token.
func (t target) predictToken(ctx context.Context, token sqlstore.ImportRecord) (sqlstore.ImportOutcome, error) {
	_, known, err := t.record(ctx, sqlstore.ImportedToken, token.Key, "")
	if err != nil || t.empty {
		return sqlstore.RowImported, err
	}
	entries, err := t.Lookup(ctx, token.Key)
	_, exists := entries[token.Key]
	switch { // in the order of Imports.ImportTokens, whose result is RowUnchanged for every token that has an entry
	case err != nil:
		return 0, err
	case exists:
		return sqlstore.RowUnchanged, nil
	case known:
		return sqlstore.RowDeletedInTarget, nil
	}
	return sqlstore.RowImported, nil
}
