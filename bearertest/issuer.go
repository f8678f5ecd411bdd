package bearertest

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// IssuerConfig describes an [Issuer]. The zero value is a good one.
type IssuerConfig struct {
	// URL is the issuer identifier, a URL with or without a path. Empty: https://issuer.test. For an issuer that
	// listens on a socket, take it from the listener's address, then serve the Issuer there.
	URL string

	// Audience is what access tokens carry as `aud`. Empty: https://api.test.
	Audience string

	// Algorithms are those whose keys are published, one key for each; the first signs the tokens that ask for no
	// other. Empty: RS256. Known are RS, PS and ES with 256, 384 and 512, EdDSA, Ed25519 (RFC 9864), and HS with 256,
	// 384 and 512, whose secrets are never published.
	Algorithms []string

	// Metadata is added to the metadata documents and may replace what they say. Nil: nothing.
	Metadata map[string]any
}

// Issuer is an OAuth 2 authorization server and OpenID provider, as far as an API gets to see one: it signs tokens,
// publishes its keys and its metadata, and rotates the keys when told to.
//
// It owns one key for each algorithm, of the smallest size RFC 7518 allows, and no two issuers share a key. A key's
// `kid` is its algorithm and a number that Rotate counts up, "rs256-1" at first, in every issuer: a token from the wrong
// issuer is not given away by its `kid`.
//
// RSA keys are 2048 bits long and individual, but they share prime factors within the process, because fresh ones
// take some 80 ms each: whoever sees two of the public keys can compute the private ones. Hence tests only.
//
// An Issuer is safe for concurrent use.
type Issuer struct {
	url        string
	audience   string
	algorithms []string
	metadata   map[string]any

	base string // the path of url, without a slash at its end

	mu        sync.Mutex // guards all other fields
	published []*generation
	current   *generation
	override  []byte
	requests  map[string]int
}

// NewIssuer makes an issuer. It does no I/O and starts no goroutine; keys are generated when they are first used.
func NewIssuer(cfg IssuerConfig) *Issuer {
	issuer := &Issuer{
		url:        cfg.URL,
		audience:   cfg.Audience,
		algorithms: slices.Clone(cfg.Algorithms),
		metadata:   maps.Clone(cfg.Metadata),
		requests:   make(map[string]int),
	}
	if issuer.url == "" {
		issuer.url = "https://issuer.test"
	}
	if issuer.audience == "" {
		issuer.audience = "https://api.test"
	}
	if len(issuer.algorithms) == 0 {
		issuer.algorithms = []string{"RS256"}
	}
	if u, err := url.Parse(issuer.url); err == nil {
		issuer.base = strings.TrimSuffix(u.Path, "/")
	}
	issuer.Rotate()
	return issuer
}

// URL returns the issuer identifier, the `iss` of its tokens.
func (i *Issuer) URL() string { return i.url }
