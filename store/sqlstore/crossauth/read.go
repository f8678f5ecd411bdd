package crossauth

import (
	"context"
	"slices"
	"strings"
	"time"
)

// source is the content of a crossauth database, as far as it can be imported.
type source struct {
	clients        []sourceClient
	redirectURIs   []sourceChild
	flows          []sourceChild
	authorizations []sourceAuthorization
	tokens         storedTokens
	others         map[string]int // the number of other keys, by prefix
}

// The rows of the source. A field is nil for NULL.
type (
	sourceClient        struct{ id, confidential, name, secret, owner cell }
	sourceChild         struct{ client, value cell } // a redirect URI or a flow
	sourceAuthorization struct{ client, owner, scope cell }
)

// read reads all tables of the layout. zone is the time zone of times without one.
func read(ctx context.Context, s snapshot, l Layout, zone *time.Location) (*source, error) {
	found := &source{others: make(map[string]int)}
	clientOwner := l.Owner
	if l.NoClientOwner {
		clientOwner = ""
	}
	for _, table := range []struct {
		name    string
		columns []string
		add     func([]cell)
	}{
		{l.Clients, []string{l.ID, "confidential", l.Name, l.Secret, clientOwner}, func(c []cell) {
			found.clients = append(found.clients, sourceClient{c[0], c[1], c[2], c[3], c[4]})
		}},
		{l.RedirectURIs, []string{"client_id", "uri"}, func(c []cell) {
			found.redirectURIs = append(found.redirectURIs, sourceChild{c[0], c[1]})
		}},
		{l.Flows, []string{"client_id", "flow"}, func(c []cell) {
			found.flows = append(found.flows, sourceChild{c[0], c[1]})
		}},
		{l.Authorizations, []string{"client_id", l.Owner, "scope"}, func(c []cell) {
			found.authorizations = append(found.authorizations, sourceAuthorization{c[0], c[1], c[2]})
		}},
		{l.Keys, []string{"value", "expires"}, func(c []cell) { found.addKey(c[0], c[1], zone) }},
	} {
		if table.name == "" {
			continue
		}
		if err := s.each(ctx, table.name, table.columns, table.add); err != nil {
			return nil, err
		}
	}
	found.tokens.sort()
	return found, nil
}

// addKey adds a row of the key table. It keeps the rows of access tokens, and counts all others.
func (s *source) addKey(key, expires cell, zone *time.Location) {
	switch {
	case key == nil:
		s.others[""]++
	case strings.HasPrefix(*key, accessPrefix):
		s.tokens.add(*key, expires, zone)
	default:
		s.others[prefixOf(*key)]++
	}
}

// prefixOf returns the known prefix of a key, or "".
func prefixOf(key string) string {
	if at := strings.IndexByte(key, ':'); at >= 0 {
		if _, known := otherKeys()[key[:at+1]]; known {
			return key[:at+1]
		}
	}
	return ""
}

// childrenOf returns the values of each client in ascending order, and the rows that name no client or one that does not exist.
func childrenOf(rows []sourceChild, clients map[string][]sourceClient) (byClient map[string][]cell, orphans []sourceChild) {
	byClient = make(map[string][]cell)
	for _, row := range rows {
		if row.client == nil || len(clients[*row.client]) == 0 {
			orphans = append(orphans, row)
			continue
		}
		byClient[*row.client] = append(byClient[*row.client], row.value)
	}
	for _, values := range byClient { // databases return rows in any order
		slices.SortFunc(values, func(a, b cell) int { return strings.Compare(value(a), value(b)) })
	}
	return byClient, orphans
}

// value returns the text of a cell, or "" for NULL.
func value(c cell) string {
	if c == nil {
		return ""
	}
	return *c
}

// sortedKeys returns the keys of a map in ascending order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
