package crossauth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// pair identifies an authorization: the scopes that one owner has authorized one client to use.
type pair struct{ client, owner string }

// maxText is the maximum length of an owner or scope in bytes.
const maxText = 255

// maxScopes is the maximum number of scopes of one authorization in the target.
const maxScopes = 1000

// authorizations imports the authorizations of the clients that were imported now or before.
func (i *importer) authorizations(ctx context.Context, s *source) error {
	// The source has one row for each scope. The target stores all scopes of an authorization in one transaction.
	scopes := make(map[pair]map[string]bool)
	for _, row := range s.authorizations {
		key := pair{value(row.client), value(row.owner)}
		if row.client != nil { // also if the row is rejected: it is not missing in the source
			i.seenAuthorized[key] = true
		}
		reason := i.authorizationFault(row)
		if reason == "" && scopes[key][value(row.scope)] {
			reason = duplicate
		}
		if reason != "" {
			i.report.reject(&i.report.Authorizations, i.Layout.Authorizations, authorizationRow(row), reason)
			continue
		}
		if scopes[key] == nil {
			scopes[key] = make(map[string]bool)
		}
		scopes[key][value(row.scope)] = true
	}
	for _, key := range slices.SortedFunc(maps.Keys(scopes), pair.compare) {
		if err := i.authorization(ctx, key, sortedKeys(scopes[key])); err != nil {
			return err
		}
	}
	return nil
}

func (p pair) compare(other pair) int {
	return cmp.Or(strings.Compare(p.client, other.client), strings.Compare(p.owner, other.owner))
}

// authorizationRow names a row.
func authorizationRow(row sourceAuthorization) string {
	return "client_id " + shownCell(row.client) + ", owner " + shownCell(row.owner) + ", scope " + shownCell(row.scope)
}

// authorizationFault returns why a row cannot be imported, or "".
func (i *importer) authorizationFault(row sourceAuthorization) string {
	switch {
	case row.client == nil:
		return "client_id is NULL"
	case !i.seenClients[*row.client]:
		return noClient
	case !i.usable[*row.client]: // a client of the target with the same id may be another one, and must not get the scopes
		return "its client was not imported"
	case !isText(value(row.owner)):
		return "the owner must have at most 255 bytes of printable UTF-8"
	case row.scope != nil && !isScope(*row.scope):
		return "the scope must have 1 to 255 characters that RFC 6749 section 3.3 allows"
	}
	return ""
}

// isText reports whether a text can be an owner.
func isText(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(text) <= maxText && utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}

// isScope reports whether a text is one scope (RFC 6749 section 3.3).
func isScope(text string) bool {
	for _, b := range []byte(text) {
		if b <= 0x20 || b > 0x7e || b == '"' || b == '\\' {
			return false
		}
	}
	return text != "" && len(text) <= maxText
}

// authorization imports one authorization. scopes are in ascending order.
func (i *importer) authorization(ctx context.Context, key pair, scopes []string) error {
	name := "client_id " + shown(key.client) + ", owner " + shown(key.owner)
	if len(scopes) > maxScopes {
		for _, scope := range scopes {
			i.report.reject(&i.report.Authorizations, i.Layout.Authorizations, name+", scope "+shown(scope),
				fmt.Sprintf("the authorization has %d scopes, expected at most %d", len(scopes), maxScopes))
		}
		return nil
	}
	// A later import compares the digest. So it detects a change in crossauth even if the scopes in the target were changed too.
	text, _ := json.Marshal(scopes) // texts can always be encoded
	digest := sha256.Sum256(text)
	outcome, err := i.target.setAuthorization(ctx, sqlstore.Authorization{ClientID: key.client, Owner: key.owner, Scopes: scopes}, digest[:])
	if err != nil {
		return err
	}
	reason := ""
	switch outcome {
	case sqlstore.RowImported:
		i.report.Authorizations.add(imported, len(scopes))
		return nil
	case sqlstore.RowUnchanged:
		i.report.Authorizations.add(unchanged, len(scopes))
		return nil
	case sqlstore.RowChangedInSource:
		reason = "its scopes were changed in crossauth after its import; this change was not imported"
	case sqlstore.RowChangedInTarget:
		reason = "its scopes were changed in the target after its import; this change was kept"
	case sqlstore.RowDeletedInTarget:
		reason = "it was deleted in the target after its import; it stays deleted"
	case sqlstore.RowExists:
		reason = "the target has an authorization with other scopes that was not imported; it was not changed"
	}
	i.report.Authorizations.add(different, len(scopes))
	i.report.Different = append(i.report.Different, Row{i.Layout.Authorizations, name, reason})
	return nil
}
