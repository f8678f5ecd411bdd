package crossauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// consent has the scopes that one owner has authorized one client to use.
type consent struct {
	client, owner string
	scopes        []string
}

// maxText is the maximum length of an owner or scope in bytes.
const maxText = 255

// authorizations imports the authorizations of the clients that were imported now or before.
func (i *importer) authorizations(ctx context.Context, s *source) error {
	groups := make(map[string]*consent)
	for _, row := range s.authorizations {
		if reason := i.authorizationFault(row); reason != "" {
			i.report.reject(&i.report.Authorizations, i.Layout.Authorizations, authorizationRow(row), reason)
			continue
		}
		key := consentKey(*row.client, value(row.owner))
		group := groups[key]
		if group == nil {
			group = &consent{client: *row.client, owner: value(row.owner)}
			groups[key] = group
		}
		if slices.Contains(group.scopes, value(row.scope)) {
			i.report.reject(&i.report.Authorizations, i.Layout.Authorizations, authorizationRow(row), duplicate)
			continue
		}
		group.scopes = append(group.scopes, value(row.scope))
	}
	for _, key := range sortedKeys(groups) {
		i.seen["authorization"][key] = true
		if err := i.authorization(ctx, groups[key]); err != nil {
			return err
		}
	}
	return nil
}

// consentKey returns the key of an authorization. A client id has no NUL byte.
func consentKey(client, owner string) string { return client + "\x00" + owner }

// authorizationRow names a row.
func authorizationRow(row sourceAuthorization) string {
	return "client_id " + shownCell(row.client) + ", owner " + shownCell(row.owner) + ", scope " + shownCell(row.scope)
}

// authorizationFault returns why a row cannot be imported, or "".
func (i *importer) authorizationFault(row sourceAuthorization) string {
	switch {
	case row.client == nil:
		return "client_id is NULL"
	case !i.seen["client"][*row.client]:
		return "there is no such client"
	case !i.usable[*row.client]:
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

// authorization imports one authorization.
func (i *importer) authorization(ctx context.Context, c *consent) error {
	slices.Sort(c.scopes)
	text, _ := json.Marshal(c.scopes) // texts can always be encoded
	digest := sha256.Sum256(text)
	outcome, err := i.target.setAuthorization(ctx, sqlstore.Authorization{ClientID: c.client, Owner: c.owner, Scopes: c.scopes}, digest[:])
	if err != nil {
		return err
	}
	reason := ""
	switch outcome {
	case sqlstore.RowImported:
		i.report.Authorizations.add(imported, len(c.scopes))
		return nil
	case sqlstore.RowUnchanged:
		i.report.Authorizations.add(unchanged, len(c.scopes))
		return nil
	case sqlstore.RowChanged:
		reason = "its scopes were changed in crossauth since it was imported, which was not applied"
	case sqlstore.RowDeleted:
		reason = "it was deleted in the target since it was imported; it stays deleted"
	case sqlstore.RowExists:
		reason = "the target has an authorization with other scopes that was not imported; it was not changed"
	}
	i.report.Authorizations.add(different, len(c.scopes))
	i.report.Different = append(i.report.Different, Row{i.Layout.Authorizations, "client_id " + shown(c.client) + ", owner " + shown(c.owner), reason})
	return nil
}
