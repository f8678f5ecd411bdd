package crossauth

import (
	"context"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// missing reports the rows that were imported before, and that the source does not have any more. Tables that were not read
// are skipped.
func (i *importer) missing(ctx context.Context, s *source) error {
	const reason = "crossauth does not have it any more; it was not deleted in the target"
	if i.Layout.Clients != "" {
		if err := i.target.each(ctx, sqlstore.ImportedClient, func(r sqlstore.ImportRecord) {
			if !i.seenClients[r.Key] {
				i.report.Missing = append(i.report.Missing, Row{i.Layout.Clients, "client_id " + shown(r.Key), reason})
			}
		}); err != nil {
			return err
		}
	}
	if i.Layout.Authorizations != "" {
		if err := i.target.each(ctx, sqlstore.ImportedAuthorization, func(r sqlstore.ImportRecord) {
			if !i.seenAuthorized[pair{r.Key, r.Owner}] {
				row := "client_id " + shown(r.Key) + ", owner " + shown(r.Owner)
				i.report.Missing = append(i.report.Missing, Row{i.Layout.Authorizations, row, reason})
			}
		}); err != nil {
			return err
		}
	}
	return i.missingTokens(ctx, s)
}

// lookups is how many entries are read at a time.
const lookups = 64

// missingTokens counts the tokens that were imported before, that the source does not have any more, and that are active in the
// target. With Config.RevokeMissing, it deletes their entries.
func (i *importer) missingTokens(ctx context.Context, s *source) error {
	if i.Layout.Keys == "" {
		return nil
	}
	var keys []string
	now := time.Now()
	if err := i.target.each(ctx, sqlstore.ImportedToken, func(r sqlstore.ImportRecord) {
		if !s.tokens.has(r.Key) && (r.Expires.IsZero() || r.Expires.After(now)) {
			keys = append(keys, r.Key)
		}
	}); err != nil {
		return err
	}
	for some := range slices.Chunk(keys, lookups) {
		entries, err := i.target.Lookup(ctx, some...)
		if err != nil {
			return err
		}
		i.report.MissingTokens += len(entries)
		if !i.RevokeMissing || i.DryRun {
			continue
		}
		// The records remain, so a later import does not store these tokens again.
		for _, key := range sortedKeys(entries) {
			if err := i.target.Delete(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}
