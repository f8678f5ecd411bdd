package bearertest

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// IssuerConfig configures an [Issuer]. The zero value is ready to use.
type IssuerConfig struct {
	// URL is the issuer identifier, a URL with or without a path. Empty: https://issuer.test. To serve the Issuer on a
	// socket, derive the URL from the address of the listener.
	URL string

	// Audience is the `aud` of access tokens. Empty: https://api.test.
	Audience string

	// Algorithms are the algorithms whose keys are published, one key for each. The first one signs tokens unless a test
	// selects another. Empty: RS256. The known algorithms are RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
	// ES512, EdDSA, Ed25519 (RFC 9864), and HS256, HS384 and HS512, whose secrets are never published.
	Algorithms []string

	// Metadata contains members that are added to the metadata documents, or replace members there. Nil: none.
	Metadata map[string]any
}

// Issuer is the part of an OAuth 2 authorization server and OpenID provider that an API uses. It signs tokens, publishes its
// keys and metadata, and rotates its keys on request.
//
// It has one key for each algorithm, of the smallest size that RFC 7518 allows. No two issuers of a process have the same
// key. The `kid` of a key is its algorithm and a number that each rotation increases: "rs256-1" at first. All issuers use the
// same values, so that `kid` does not reveal that a token is from another issuer.
//
// RSA keys have 2048 bits. All RSA keys are different, but keys of one process share prime factors, because generating
// primes is slow. From two public keys that share a prime, anyone can compute the private keys. Use them only in tests.
//
// An Issuer is safe for concurrent use.
type Issuer struct {
	url        string
	audience   string
	algorithms []string
	metadata   map[string]any

	base string // the path of url, without a trailing slash

	mu        sync.Mutex     // guards the fields below
	published []*generation  // from the oldest to the newest
	current   *generation    // signs tokens; one of published
	override  []byte         // the document of SetJWKS; nil: none
	requests  map[string]int // by path
}

// NewIssuer returns an Issuer. It does no I/O and starts no goroutine. Keys are generated on first use.
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

// URL returns the issuer identifier, which is the `iss` of its tokens.
func (i *Issuer) URL() string { return i.url }
