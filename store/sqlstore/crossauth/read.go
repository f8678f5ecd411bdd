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
	tokens         []sourceToken
	others         map[string]int // the number of other keys, by prefix
}

// The rows of the source. A field is nil for NULL.
type (
	sourceClient        struct{ id, confidential, name, secret, owner cell }
	sourceChild         struct{ client, value cell } // a redirect URI or a flow
	sourceAuthorization struct{ client, owner, scope cell }
	sourceToken         struct{ key, expires cell }
)

// read reads all tables of the layout.
func read(ctx context.Context, s snapshot, l Layout) (*source, error) {
	found := &source{others: make(map[string]int)}
	for _, table := range []struct {
		name    string
		columns []string
		add     func([]cell)
	}{
		{l.Clients, []string{l.ID, "confidential", l.Name, l.Secret, l.Owner}, func(c []cell) {
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
		{l.Keys, []string{"value", "expires"}, func(c []cell) { found.addKey(sourceToken{c[0], c[1]}) }},
	} {
		if table.name == "" {
			continue
		}
		if err := s.each(ctx, table.name, table.columns, table.add); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// accessPrefix begins the keys of access tokens.
const accessPrefix = "access:"

// addKey adds a row of the key table. It keeps the rows of access tokens, and counts all others.
func (s *source) addKey(row sourceToken) {
	switch {
	case row.key == nil:
		s.others[""]++
	case strings.HasPrefix(*row.key, accessPrefix):
		s.tokens = append(s.tokens, row)
	default:
		s.others[prefixOf(*row.key)]++
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

// expiry returns when a stored token expires. Zero: it does not. ok is false if the column cannot be read.
func (t sourceToken) expiry(zone *time.Location) (expires time.Time, ok bool) {
	if t.expires == nil {
		return time.Time{}, true
	}
	return parseTime(*t.expires, zone)
}
