package bearertest

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
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

	// Clients are the registered clients. With at least one, the Issuer serves its endpoints, as [Issuer] describes. Nil: the
	// Issuer serves only its metadata and keys.
	Clients []Client

	// Users are the users who can sign in. The first one signs in until [Issuer.SetUser] chooses another one. A request with
	// a login_hint signs in the user with that Subject, or with that claim preferred_username or email. Empty: one user with
	// the subject "alice".
	Users []User

	// TokenLifetime is the lifetime of the access tokens and ID tokens that the endpoints issue. Negative: they have
	// expired already. Zero: 5 minutes.
	TokenLifetime time.Duration

	// DeviceInterval is the time that a device must wait between two polls, rounded up to seconds. Zero: 5 seconds.
	DeviceInterval time.Duration

	// EditToken is called with each token that an endpoint issues, before it is signed, and may change it. kind is
	// "access_token" or "id_token". Use it to issue wrong or unusual tokens. It may be called by several goroutines at the
	// same time. Nil: tokens are not changed.
	EditToken func(kind string, token *Token)
}

// Issuer is an OAuth 2 authorization server and OpenID provider. It signs tokens, publishes its keys and metadata, and rotates its
// keys on request. That is all an API needs. For tests of clients, it also has working endpoints if [IssuerConfig] has Clients.
//
// The endpoints are for authorization, tokens, pushed authorization requests (RFC 9126), device authorization (RFC 8628), user
// information, introspection (RFC 7662), revocation (RFC 7009) and logout. Their URLs are in the metadata. The grants are
// authorization_code with PKCE, refresh_token, client_credentials and device_code. Clients authenticate with a secret or a
// client assertion, or are public. Tokens are bound to a DPoP key if the request has a proof. Authorization responses have the
// parameter iss (RFC 9207). Codes and refresh tokens are valid once, and a second use revokes all tokens of the sign-in. No endpoint
// shows a page to sign in: see [User] and [Issuer.SetUser]. Error descriptions are for the developer of the test, and say more than those of
// real servers. The Issuer stores at most 10 000 values of each kind, such as codes and refresh tokens. A new one then replaces
// the oldest, and the Issuer no longer knows that an old token was revoked or that an old proof was used.
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

	base   string  // the path of url, without a trailing slash
	server *server // nil: no endpoints
	users  []User  // at least one

	mu        sync.Mutex     // guards the fields below
	published []*generation  // from the oldest to the newest
	current   *generation    // signs tokens; one of published
	override  []byte         // the document of SetJWKS; nil: none
	requests  map[string]int // by path
	lists     []*StatusList
	user      User     // signs in
	session   *session // nil: nobody is signed in

	faults     map[string]Fault   // by path; empty: all paths
	nextFaults map[string][]Fault // by path; empty: all paths
}

// NewIssuer returns an Issuer. It does no I/O and starts no goroutine. Keys are generated on first use.
func NewIssuer(cfg IssuerConfig) *Issuer {
	issuer := &Issuer{
		url:        cfg.URL,
		audience:   cfg.Audience,
		algorithms: slices.Clone(cfg.Algorithms),
		metadata:   maps.Clone(cfg.Metadata),
		requests:   make(map[string]int),
		faults:     make(map[string]Fault),
		nextFaults: make(map[string][]Fault),
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
	for _, user := range cfg.Users {
		issuer.users = append(issuer.users, user.clone())
	}
	if len(issuer.users) == 0 {
		issuer.users = []User{User{}.clone()}
	}
	issuer.user = issuer.users[0]
	if len(cfg.Clients) > 0 {
		issuer.server = newServer(issuer, cfg)
	}
	issuer.Rotate()
	return issuer
}

// URL returns the issuer identifier, which is the `iss` of its tokens.
func (i *Issuer) URL() string { return i.url }
