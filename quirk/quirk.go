// Package quirk names the harmless deviations from the specifications that the kit accepts and reports.
//
// A deviation is harmless if it gives an attacker no advantage: a padded key parameter, an optional claim that is null,
// metadata with the wrong content type. The kit reads such input as other libraries do, and reports each deviation once, so
// that the operator of an API can report it to the operator of the issuer. A deviation never skips a check. The signature,
// the algorithm, the strength of the key, the issuer, the audience, the dates, the kind of token and the binding to a sender
// are checked as for any other token. See docs/strictness.md.
//
// The reports are in jwks.Refresh, oidcdiscovery.Metadata, consumer.Verification and consumer.Health, and for a client in
// client.Client.Quirks.
package quirk

import (
	"cmp"
	"slices"
)

// Quirk describes one deviation that was accepted. Quirks are comparable with ==. All fields come from fixed lists of the
// kit and never from a token or a document, so the number of different quirks is small.
type Quirk struct {
	// Name says which kind of deviation it is.
	Name Name

	// Place says where it was found, for example "claim nbf", "header kid", "key n" or "metadata scopes_supported".
	Place string

	// RFC names the section that the input deviates from, for example "RFC 7519 section 4.1.5".
	RFC string
}

// String returns the name, the place and the section, for logs: "null_member in claim nbf (RFC 7519 section 4.1.5)".
func (q Quirk) String() string {
	return string(q.Name) + " in " + q.Place + " (" + q.RFC + ")"
}

// Compare orders quirks by Name, Place and RFC. Use it with [slices.SortFunc].
func Compare(a, b Quirk) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Place, b.Place), cmp.Compare(a.RFC, b.RFC))
}

// Join returns the quirks of all lists, sorted and without duplicates. It returns nil if there are none, and does not
// change the lists.
func Join(lists ...[]Quirk) []Quirk {
	all := slices.Concat(lists...)
	slices.SortFunc(all, Compare)
	return slices.Compact(all)
}
