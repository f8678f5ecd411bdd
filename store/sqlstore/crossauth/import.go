package crossauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// Import reads the source, imports what is new into the target, and reports what it did with each row. The package comment
// describes repeated imports.
//
// Each client, each authorization and each batch of tokens is stored in a transaction of its own. After an error or a crash, call
// Import again. If the error is not nil, the report is nil. If the source cannot be read, the error is a [*SourceError].
//
// Import keeps the rows that it can import in memory: about 200 bytes for each stored token, and the text of each other row. It only
// counts the other entries of the key table.
func Import(ctx context.Context, cfg Config) (*Report, error) {
	cfg.Layout = cfg.Layout.withDefaults()
	if cfg.TimeZone == nil {
		cfg.TimeZone = time.UTC
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	i, err := newImporter(ctx, cfg)
	if err != nil {
		return nil, err
	}
	var found *source
	if err := inSnapshot(ctx, cfg.Source, cfg.Dialect, func(s snapshot) (err error) {
		found, err = read(ctx, s, cfg.Layout, cfg.TimeZone)
		return err
	}); err != nil {
		return nil, err
	}
	// The clients come first, because authorizations are imported only for clients that exist in the target as imported.
	for _, step := range []func(context.Context, *source) error{i.clients, i.authorizations, i.tokens, i.missing} {
		if err := step(ctx, found); err != nil {
			return nil, err
		}
	}
	i.otherKeys(found)
	return i.report, nil
}

// importer is one import.
type importer struct {
	Config

	target   target
	store    *recording
	registry *registry.Registry // of the target
	probe    *registry.Registry // an empty one in memory
	report   *Report

	usable         map[string]bool // the clients that exist in the target as imported
	seenClients    map[string]bool // the clients that the source has, whether they can be imported or not
	seenAuthorized map[pair]bool   // the authorizations that the source has
}

func newImporter(ctx context.Context, cfg Config) (*importer, error) {
	t, err := newTarget(ctx, cfg)
	if err != nil {
		return nil, err
	}
	i := &importer{
		Config: cfg, target: t, store: &recording{Clients: cfg.Target.Clients(), target: t}, usable: make(map[string]bool),
		report:      &Report{DryRun: cfg.DryRun, OtherKeys: []KeyCount{}, Rejected: []Row{}, Different: []Row{}, Missing: []Row{}},
		seenClients: make(map[string]bool), seenAuthorized: make(map[pair]bool),
	}
	if i.registry, err = cfg.newRegistry(i.store); err != nil {
		return nil, err
	}
	i.probe, err = cfg.newProbe()
	return i, err
}

// clients imports the clients with their redirect URIs and flows.
func (i *importer) clients(ctx context.Context, s *source) error {
	byID := make(map[string][]sourceClient)
	for _, row := range s.clients {
		if row.id == nil {
			i.report.reject(&i.report.Clients, i.Layout.Clients, "client_id NULL", "client_id is NULL")
			continue
		}
		byID[*row.id] = append(byID[*row.id], row)
	}
	uris, orphanURIs := childrenOf(s.redirectURIs, byID)
	flows, orphanFlows := childrenOf(s.flows, byID)
	for _, id := range sortedKeys(byID) {
		i.seenClients[id] = true
		if len(byID[id]) > 1 { // it is not known which of them crossauth uses, so none is imported
			for range byID[id] {
				i.report.reject(&i.report.Clients, i.Layout.Clients, "client_id "+shown(id), "several rows have this client_id, so none of them is imported")
			}
			i.rejectChildren(id, uris[id], flows[id], "its client was not imported")
			continue
		}
		if err := i.client(ctx, newCandidate(ctx, i.probe, byID[id][0], uris[id], flows[id])); err != nil {
			return err
		}
	}
	for _, row := range orphanURIs {
		i.report.reject(&i.report.RedirectURIs, i.Layout.RedirectURIs, childRow(row.client, "uri", shownURI(row.value)), noClient)
	}
	for _, row := range orphanFlows {
		i.report.reject(&i.report.Flows, i.Layout.Flows, childRow(row.client, "flow", shownCell(row.value)), noClient)
	}
	return nil
}

// noClient is the reason for a row whose client does not exist.
const noClient = "there is no such client in crossauth"

// childRow names a redirect URI or a flow.
func childRow(client cell, column, value string) string {
	return "client_id " + shownCell(client) + ", " + column + " " + value
}

// rejectChildren rejects all redirect URIs and flows of a client.
func (i *importer) rejectChildren(id string, uris, flows []cell, reason string) {
	for _, uri := range uris {
		i.report.reject(&i.report.RedirectURIs, i.Layout.RedirectURIs, childRow(&id, "uri", shownURI(uri)), reason)
	}
	for _, flow := range flows {
		i.report.reject(&i.report.Flows, i.Layout.Flows, childRow(&id, "flow", shownCell(flow)), reason)
	}
}

// client imports one client.
func (i *importer) client(ctx context.Context, c candidate) error {
	id := c.imported.ID
	record, known, err := i.target.record(ctx, sqlstore.ImportedClient, id, "")
	if err != nil {
		return err
	}
	registered, err := i.registry.Get(ctx, id)
	exists := err == nil
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return fmt.Errorf("crossauth: the client %s in the target: %w", shown(id), err)
	}
	switch {
	case known && !exists:
		i.differs(c, "it was deleted in the target after its import; it stays deleted")
	case known:
		i.usable[id] = true
		i.compare(c, record, registered)
	case exists:
		i.differs(c, "the target has a client with this id that was not imported; it was not changed")
	default:
		return i.create(ctx, c)
	}
	return nil
}

// compare reports how a client that was imported before differs from the source. The record has the digest of the client at the time
// of the import: 32 bytes of the fields, and 32 bytes of the secret. If one half differs from that of c, crossauth has changed the
// client. If the fields of registered differ although the first half is the same, the target was changed.
func (i *importer) compare(c candidate, record sqlstore.ImportRecord, registered registry.Client) {
	const half = sha256.Size
	var texts []string
	there := len(record.Digest) != 2*half || string(record.Digest[:half]) != string(c.digest[:half])
	if there {
		texts = append(texts, "it was changed in crossauth after its import; this change was not imported")
	}
	if len(record.Digest) == 2*half && string(record.Digest[half:]) != string(c.digest[half:]) {
		texts = append(texts, "its secret was changed in crossauth after its import; this change was not imported")
	}
	names := c.differences(registered)
	if isRotated(c, record, registered) {
		names = append(names, "secret")
	}
	if len(names) > 0 {
		cause := "; it was changed in the target after its import; this change was kept"
		if there {
			cause = "" // either side may have changed them
		}
		texts = append(texts, "different: "+strings.Join(names, ", ")+cause)
	}
	if len(texts) > 0 {
		i.differs(c, strings.Join(texts, "; "))
		return
	}
	i.count(c, unchanged)
}

// isRotated reports whether the secrets of a client were changed in the target after its import.
func isRotated(c candidate, record sqlstore.ImportRecord, registered registry.Client) bool {
	expected := 1
	if c.imported.SecretHash.IsZero() {
		expected = 0
	}
	return len(registered.Secrets) != expected ||
		slices.ContainsFunc(registered.Secrets, func(s registry.SecretInfo) bool { return s.Created.After(record.Imported) })
}

// create imports a client that neither the target nor an earlier import has.
func (i *importer) create(ctx context.Context, c candidate) error {
	if len(c.faults) > 0 {
		i.rejects(c, strings.Join(c.faults, "; "))
		return nil
	}
	if !c.isWhole() && !i.Partial {
		// Check the other fields too, so that all faults are reported together.
		_, err := i.probe.Import(ctx, c.imported)
		_ = i.probe.Delete(ctx, c.imported.ID) // it is in memory
		text := reasons(err, "")
		if text != "" {
			text += "; "
		}
		i.rejects(c, text+"it has redirect URIs or flows that are not valid")
		return nil
	}
	i.store.digest = c.digest
	_, err := i.registry.Import(ctx, c.imported)
	switch {
	case isInvalid(err):
		i.rejects(c, reasons(err, ""))
	case errors.Is(err, registry.ErrExists):
		i.differs(c, "the target has a client with this id that was not imported; it was not changed")
	case err != nil:
		return fmt.Errorf("crossauth: the client %s: %w", shown(c.imported.ID), err)
	default:
		i.usable[c.imported.ID] = true
		i.count(c, imported)
	}
	return nil
}

// count counts a client and its rows. Rows that are not valid are rejected, whatever the result of the client is.
func (i *importer) count(c candidate, r result) {
	i.report.Clients.add(r, 1)
	i.countChildren(c, r, "")
}

// countChildren counts the redirect URIs and flows of a client. reason is why valid ones are rejected.
func (i *importer) countChildren(c candidate, r result, reason string) {
	for _, table := range []struct {
		rows         []child
		count        *Count
		name, column string
		show         func(cell) string
	}{
		{c.uris, &i.report.RedirectURIs, i.Layout.RedirectURIs, "uri", shownURI},
		{c.flows, &i.report.Flows, i.Layout.Flows, "flow", shownCell},
	} {
		for _, row := range table.rows {
			why := row.fault
			if why == "" {
				why = reason
			}
			if why == "" {
				table.count.add(r, 1)
				continue
			}
			i.report.reject(table.count, table.name, childRow(&c.imported.ID, table.column, table.show(row.text)), why)
		}
	}
}

// rejects rejects a client with all its rows.
func (i *importer) rejects(c candidate, reason string) {
	i.report.reject(&i.report.Clients, i.Layout.Clients, "client_id "+shown(c.imported.ID), reason)
	i.countChildren(c, rejected, "its client was not imported")
}

// differs lists a client that differs from the one in the target.
func (i *importer) differs(c candidate, reason string) {
	i.count(c, different)
	i.report.Different = append(i.report.Different, Row{i.Layout.Clients, "client_id " + shown(c.imported.ID), reason})
}
