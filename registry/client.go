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

// Client is a registered client. It holds no secret and no hash. It is the caller's to change; nothing else changes with
// it.
type Client struct {
	// ID is the client_id. It never changes.
	ID string

	// Name is what people call the client. Several may have one name.
	Name string

	// Confidential is true for a client that authenticates by a secret, false for a public one (RFC 6749 §2.1).
	Confidential bool

	// Secrets describes the secrets that have not ended, the newest first.
	Secrets []SecretInfo

	// RedirectURIs is where users may be sent back to. See [MatchRedirect].
	RedirectURIs []string

	// Flows are the flows that the client may use.
	Flows []Flow

	// Owner is the user to whom the client belongs. Empty: nobody.
	Owner string

	// Created is when the client was registered.
	Created time.Time

	// Extra is what was registered beside all this. Its values have the types of encoding/json.
	Extra map[string]any
}

// LogValue names the client and says no more.
func (c Client) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", c.ID), slog.Bool("confidential", c.Confidential))
}

// SecretInfo describes a secret without holding it.
type SecretInfo struct {
	// ID tells the secrets of one client apart. It is not secret.
	ID string

	// Created is when the secret was made or given.
	Created time.Time

	// NotAfter is when it ends. Zero: never.
	NotAfter time.Time

	// LastUsed is when it last authenticated the client, to the minute. Zero: never.
	LastUsed time.Time
}

// NewClient is a client to register.
type NewClient struct {
	// Name is what people call the client. Required; at most 255 bytes.
	Name string

	// RedirectURIs is where users may be sent back to: https with a host, http on a loopback IP address, or a private
	// scheme with a dot in it (RFC 9700 §2.1, RFC 8252 §7), without fragment, user information or wildcard. At most
	// 100, and 32 KiB together as JSON. Empty: nowhere.
	RedirectURIs []string

	// Flows are the flows that the client may use, in either spelling of [ParseFlow]. Nil: all of [AllFlows], for a
	// public client without client credentials, which it cannot have (RFC 6749 §4.4). Empty but not nil: none.
	Flows []Flow

	// Public is true for a client that cannot keep a secret, and gets none.
	Public bool

	// Owner is the user to whom the client belongs; at most 255 bytes. Empty: nobody.
	Owner string

	// Extra is kept beside all this, as JSON of at most 16 KiB and 32 levels. What would be read otherwise than it was
	// given is refused: a number that float64 does not hold, a text that is not UTF-8 or holds NUL. Nil: nothing.
	Extra map[string]any
}

const (
	maxName         = 255
	maxRedirects    = 100
	maxRedirectData = 32 << 10
	maxFirstVersion = 1 << 52
)

// record makes a client of n that has no secret yet.
func (n NewClient) record(id string, now time.Time) record {
	flows := n.Flows
	if flows == nil {
		flows = defaultFlows(n.Public)
	}
	return record{
		id: id, name: n.Name, owner: n.Owner, version: 1 + rand.Int64N(maxFirstVersion), //nolint:gosec // no secret
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

// canonical leaves what it cannot read for validate to refuse.
func canonical(flows []Flow) []Flow {
	read := slices.Clone(flows)
	for i, f := range read[:min(len(read), len(AllFlows()))] {
		if known, err := ParseFlow(string(f)); err == nil {
			read[i] = known
		}
	}
	return read
}

// validate says all that is wrong with a record that is to be stored.
func (rec record) validate(localhost bool) error {
	var f faults
	f.check(rec.name != "" && isText(rec.name), "Name", "is empty, too long or not printable")
	f.check(isText(rec.owner), "Owner", "is too long or not printable")
	f.check(len(rec.RedirectURIs) <= maxRedirects, "RedirectURIs", "are more than 100")
	f.check(!hasDuplicates(rec.RedirectURIs), "RedirectURIs", "hold one twice")
	looked := rec.RedirectURIs[:min(len(rec.RedirectURIs), maxRedirects)]
	for i, uri := range looked {
		problem := redirectProblem(uri, localhost)
		f.check(problem == "", "RedirectURIs["+strconv.Itoa(i)+"]", problem)
	}
	f.check(jsonLength(looked) <= maxRedirectData, "RedirectURIs", "are longer than 32 KiB together")
	f.check(len(rec.Flows) <= len(AllFlows()) && ValidFlows(rec.Flows), "Flows", "hold what is no flow of a client")
	f.check(!hasDuplicates(rec.Flows), "Flows", "hold one twice")
	f.check(rec.Confidential || !slices.Contains(rec.Flows, FlowClientCredentials), "Flows", "hold client credentials, and the client is public")
	problem := extraProblem(rec.Extra)
	f.check(problem == "", "Extra", problem)
	return f.join()
}

func jsonLength(texts []string) int {
	data, _ := json.Marshal(texts) // texts always can be written
	return len(data)
}

func hasDuplicates[T comparable](values []T) bool {
	seen := make(map[T]bool)
	for _, v := range values {
		seen[v] = true
	}
	return len(seen) < len(values)
}

// isText reports whether people can read a text, and any database can store it.
func isText(text string) bool {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return len(text) <= maxName && utf8.ValidString(text) && !strings.ContainsFunc(text, unprintable)
}
