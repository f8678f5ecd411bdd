package registry

import (
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Client is a registered client. It contains neither secrets nor hashes. The caller may change it: it is a copy.
type Client struct {
	// ID is the client_id. It never changes.
	ID string

	// Name is the display name. It is not unique.
	Name string

	// Confidential is true if the client authenticates with a secret, and false if it is public (RFC 6749 section 2.1).
	Confidential bool

	// Secrets describes the valid secrets, the newest first.
	Secrets []SecretInfo

	// RedirectURIs are the registered redirect URIs. See [MatchRedirect].
	RedirectURIs []string

	// Flows are the flows that the client may use.
	Flows []Flow

	// Owner identifies the user who owns the client. Empty: the client has no owner.
	Owner string

	// Created is the time of registration.
	Created time.Time

	// Extra is the additional data that was registered. Its values have the types that encoding/json decodes to.
	Extra map[string]any
}

// LogValue implements [slog.LogValuer]. It returns only the id and whether the client is confidential.
func (c Client) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.Bool("confidential", c.Confidential))
}

// SecretInfo describes a secret. It contains neither the secret nor its hash.
type SecretInfo struct {
	// ID identifies the secret among those of its client. It is not confidential.
	ID string

	// Created is the time at which the secret was generated, set or imported.
	Created time.Time

	// NotAfter is the time at which the secret expires. Zero: it never expires.
	NotAfter time.Time

	// LastUsed is the time at which the secret last authenticated the client. It is at most one minute behind, unless the
	// Store failed. Zero: it was never used.
	LastUsed time.Time
}

// NewClient describes a client to register.
type NewClient struct {
	// Name is the display name. Required; at most 255 bytes of printable UTF-8.
	Name string

	// RedirectURIs are the redirect URIs. Each is https with a host, http on a loopback IP address, or a private-use scheme
	// with a dot (RFC 9700 section 2.1, RFC 8252 section 7). None has a fragment, user information or a wildcard. There
	// are at most 100, of at most 2048 bytes each and 32 KiB in total as JSON. Empty: no redirect is allowed.
	RedirectURIs []string

	// Flows are the flows that the client may use, in either spelling that [ParseFlow] accepts. Nil: all of [AllFlows],
	// except that a public client cannot use client credentials (RFC 6749 section 4.4). Empty but not nil: no flow.
	Flows []Flow

	// Public is true for a client that cannot keep a secret. Create generates no secret for it. Zero: the client is
	// confidential.
	Public bool

	// Owner identifies the user who owns the client; at most 255 bytes of printable UTF-8. Empty: the client has no owner.
	Owner string

	// Extra is additional data. It is stored as JSON of at most 16 KiB and 32 levels. Data that would not be read back
	// unchanged is rejected: a number that a conversion to float64 changes, or a text with NUL or invalid UTF-8. Nil: none.
	Extra map[string]any
}

const (
	maxName         = 255
	maxRedirects    = 100
	maxRedirectData = 32 << 10
	maxFirstVersion = 1 << 52
)

// record returns the record of a new client without a secret.
func (n NewClient) record(id string, now time.Time) record {
	flows := n.Flows
	if flows == nil {
		flows = defaultFlows(n.Public)
	}
	return record{
		id: id, name: n.Name, owner: n.Owner, version: 1 + rand.Int64N(maxFirstVersion), //nolint:gosec // not a secret
		body: body{
			Format: format, Confidential: !n.Public, RedirectURIs: n.RedirectURIs, Flows: canonical(flows),
			Created: now.UTC(), Extra: n.Extra,
		},
	}
}

func defaultFlows(public bool) []Flow {
	var flows []Flow
	for _, f := range AllFlows() {
		if !public || f != FlowClientCredentials {
			flows = append(flows, f)
		}
	}
	return flows
}

// canonical replaces alternative spellings. It keeps unknown flows, which validate rejects.
func canonical(flows []Flow) []Flow {
	read := slices.Clone(flows)
	for i, f := range read[:min(len(read), len(AllFlows()))] {
		if known, err := ParseFlow(string(f)); err == nil {
			read[i] = known
		}
	}
	return read
}

// validate checks a record before it is stored. It joins all faults.
func (rec record) validate(localhost bool) error {
	var f faults
	f.check(rec.name != "" && isText(rec.name), "Name", "must have 1 to 255 bytes of printable UTF-8")
	f.check(isText(rec.owner), "Owner", "must have at most 255 bytes of printable UTF-8")
	f.check(len(rec.RedirectURIs) <= maxRedirects, "RedirectURIs", "must be at most 100")
	f.check(!hasDuplicates(rec.RedirectURIs), "RedirectURIs", "must not contain duplicates")
	looked := rec.RedirectURIs[:min(len(rec.RedirectURIs), maxRedirects)]
	for i, uri := range looked {
		problem := redirectProblem(uri, localhost)
		f.check(problem == "", "RedirectURIs["+strconv.Itoa(i)+"]", problem)
	}
	f.check(jsonLength(looked) <= maxRedirectData, "RedirectURIs", "must have at most 32 KiB as JSON")
	f.check(len(rec.Flows) <= len(AllFlows()) && ValidFlows(rec.Flows), "Flows", "must contain only flows that AllFlows returns")
	f.check(!hasDuplicates(rec.Flows), "Flows", "must not contain duplicates")
	f.check(rec.Confidential || !slices.Contains(rec.Flows, FlowClientCredentials), "Flows", "must not contain client credentials for a public client")
	problem := extraProblem(rec.Extra)
	f.check(problem == "", "Extra", problem)
	return f.join()
}

func jsonLength(texts []string) int {
	data, _ := json.Marshal(texts) // strings can always be encoded
	return len(data)
}

func hasDuplicates[T comparable](values []T) bool {
	seen := make(map[T]bool)
	for _, v := range values {
		seen[v] = true
	}
	return len(seen) < len(values)
}

// isText reports whether a text is printable UTF-8 of at most 255 bytes, which every database can store.
func isText(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(text) <= maxName && utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}
