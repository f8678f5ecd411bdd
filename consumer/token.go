package consumer

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/jwks"
)

// Token is a verified access token. A [Consumer] or [Group] returns one from Verify, and a custom [Verifier] makes one
// with a [ClaimChecker] or [NewToken]. The zero Token grants no access: its VerifiedAt is zero, and the Guard of package
// middleware rejects it.
//
// Requests with the same token may share one Token, so a Token cannot be changed: its methods return copies or
// immutable values. A Token is safe for concurrent use. Methods of a nil *Token panic.
type Token struct {
	// The fields that a cache hit reads come first, so that they are close together in memory.
	verified     clock.Instant
	lasts        time.Duration // since verified: see Token.isCurrent
	confirmation *Confirmation // nil: a bearer token
	fixedKeys    bool          // see Consumer.hasFixedKeys
	timeOnly     bool          // see Consumer.isTimeOnly
	activeAt     atomic.Uint64 // see statusVersions

	// A cached token is accepted only as long as consumer still trusts key. Both are nil after NewToken.
	key      *jwks.Key // may be a secret; a pointer, because fmt does not follow pointers in unexported fields
	header   *header   // shared by all tokens with the same header
	consumer *Consumer
	resident *resident // nil: not from GroupConfig.Resolve

	issuer, subject string
	clientID, id    string
	audience        []string
	scopes          []string
	principal       Principal
	claims          compact.Object
	actor           *Actor // nil: nobody acts for the subject

	expiry, issuedAt, notBefore time.Time

	deviations deviations

	roles   atomic.Pointer[[]string] // nil: not read yet
	decoded atomic.Pointer[sync.Map] // reflect.Type → value that ClaimsAs has decoded; nil: none yet
}

// Issuer returns the configured issuer. The `iss` of the token equals it byte for byte (RFC 7519 section 4.1.1), unless
// Config.InsecureNoIssuer or the profile accepts a token without `iss`.
func (t *Token) Issuer() string { return t.issuer }

// Subject returns `sub` (RFC 7519 section 4.1.2). It is unique only within its issuer, so use it together with
// [Token.Issuer]. It is empty if the token has no `sub` and the profile does not require one. It names a client, and not a
// user, if [Token.Principal] is PrincipalClient.
func (t *Token) Subject() string { return t.subject }

// ClientID returns the id of the client that requested the token: `client_id` (RFC 9068 section 2.2), or the claim that
// the profile reads instead. It is empty if the token has no such claim, and for profiles that name no client, such as
// [ProfileCrossauth]. Set Config.ClientIDs to accept only tokens of known clients.
func (t *Token) ClientID() string { return t.clientID }

// ID returns `jti` (RFC 7519 section 4.1.7). It is empty if the token has none.
func (t *Token) ID() string { return t.id }

// Audience returns a copy of `aud` (RFC 7519 section 4.1.3). It is empty if the token has none.
func (t *Token) Audience() []string { return slices.Clone(t.audience) }

// Expiry returns `exp` (RFC 7519 section 4.1.4), without the clock skew that verification allows. It is the zero time
// if the token has no `exp`.
func (t *Token) Expiry() time.Time { return t.expiry }

// IssuedAt returns `iat` (RFC 7519 section 4.1.6). It is the zero time if the token has none.
func (t *Token) IssuedAt() time.Time { return t.issuedAt }

// NotBefore returns `nbf` (RFC 7519 section 4.1.5). It is the zero time if the token has none.
func (t *Token) NotBefore() time.Time { return t.notBefore }

// VerifiedAt returns when the signature was verified, or when [NewToken] was called. For a cached token this is before
// the request. It is the zero time for a Token that was made in neither way; such a Token grants no access.
func (t *Token) VerifiedAt() time.Time { return t.verified.Time() }

// Principal returns whether the token acts for a user or for the client itself (RFC 9700 section 4.15). It returns
// PrincipalClient if `sub` is absent, if it equals the client id, with or without Auth0's suffix @clients, if Microsoft
// Entra's `idtyp` is "app", or if the profile is for programs, such as [ProfileKubernetes]. Otherwise it returns
// PrincipalUser. It also does for a token of a [ClaimChecker], such as an introspected one, that has no `sub` but a `username`
// (RFC 7662 section 2.2) other than the client id. [Token.Subject] is then empty.
func (t *Token) Principal() Principal { return t.principal }

// Scopes returns a copy of the granted scopes. They are read from `scope`, which may be a string (RFC 8693 section 4.2)
// or an array. If `scope` is absent, they are read from `scp` in the same way. Config.ScopeClaims and the profile may
// name other claims.
func (t *Token) Scopes() []string { return slices.Clone(t.scopes) }

// HasScope reports whether scope was granted. It compares byte for byte and does not allocate.
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.scopes, scope) }

// Roles returns a copy of the roles that the token has in the places that the profile names (ProfileConfig.RoleClaims).
// It is empty if the profile names none.
func (t *Token) Roles() []string { return slices.Clone(t.rolesOf()) }

// HasRole reports whether [Token.Roles] contains role. It compares byte for byte. It allocates only in the first
// call for a token.
func (t *Token) HasRole(role string) bool { return slices.Contains(t.rolesOf(), role) }

// Claim returns the value of the claim called name. It has the type that encoding/json uses for a value of type any:
// nil, bool, float64, string, []any or map[string]any. ok is false if the token has no such claim. Claim compares the
// name byte for byte. Each call returns a new value, which the caller may change. Use [Token.Decode] for exact numbers.
func (t *Token) Claim(name string) (value any, ok bool) {
	v, ok := t.claims.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// ClaimJSON returns the JSON text of the claim called name, as the issuer wrote it. ok is false if the token has no such claim.
// ClaimJSON compares the name byte for byte and does not allocate. The text is a part of all claims, and keeps them in memory.
func (t *Token) ClaimJSON(name string) (text string, ok bool) {
	v, ok := t.claims.Get(name)
	return v.Raw(), ok
}

// Header returns the JOSE header parameter called name, such as kid, alg or typ (RFC 7515 section 4). The value has a type
// as in [Token.Claim], and Header compares the name byte for byte. ok is false if the header has no such parameter, and
// for a Token of [NewToken]. The signature covers the header, but Verify does not check parameters other than alg, typ,
// kid, crit, b64 and those that the profile reads. Never verify anything with a key or certificate from the header.
func (t *Token) Header(name string) (value any, ok bool) {
	if t.header == nil {
		return nil, false
	}
	v, ok := t.header.members.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// Decode decodes the verified claims into v, a pointer as for [encoding/json.Unmarshal]. Unlike that function, it
// compares names byte for byte (RFC 7519 section 4). [ClaimsAs] decodes once per token instead of once per request.
func (t *Token) Decode(v any) error {
	if err := t.claims.Decode(v); err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	return nil
}

// Confirmation returns the key or certificate that `cnf` binds the token to (RFC 7800 section 3.1). ok is false for a
// bearer token. Code that accepts a token with a Confirmation must check the proof of possession, or reject the token.
func (t *Token) Confirmation() (c Confirmation, ok bool) {
	if t.confirmation == nil {
		return Confirmation{}, false
	}
	return *t.confirmation, true
}

// LogValue implements [slog.LogValuer]. It returns the issuer, the kind of principal, the client and the expiry, and nothing
// that identifies a user or could be used as a credential. The client is empty if a profile of [NewProfile] reads it from a
// claim that may be about a user; see ProfileConfig.ClientClaims.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("issuer", t.issuer),
		slog.String("principal", t.principal.String()),
		slog.String("client_id", t.shownClient()),
		slog.Time("expiry", t.expiry),
	)
}

// Format implements [fmt.Formatter]. It writes the same as LogValue, whatever the verb. Without it, fmt would print every
// claim.
func (t *Token) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{issuer %q principal %v client %q expiry %v}", t.issuer, t.principal, t.shownClient(), t.expiry)
}

// shownClient returns the client for logs.
func (t *Token) shownClient() string {
	if t.consumer != nil && !areQuotable(t.consumer.rules.ClientClaims) {
		return ""
	}
	return t.clientID
}

// Principal is the party that a token acts for.
type Principal int

const (
	// PrincipalUser means that the subject is a user of the issuer. It is the default: see [Token.Principal].
	PrincipalUser Principal = iota

	// PrincipalClient means that the client acts for itself. The subject is not a user, even if a user with that name
	// exists.
	PrincipalClient
)

// String returns "user" or "client", for logs and metrics.
func (p Principal) String() string {
	if p == PrincipalClient {
		return "client"
	}
	return "user"
}

// Confirmation is the key or certificate that a token is bound to (RFC 7800).
type Confirmation struct {
	// JWKThumbprint is `jkt`, the thumbprint of the key that must sign the DPoP proof (RFC 9449 section 6.1). Empty:
	// the token is not bound to such a key.
	JWKThumbprint string

	// CertificateThumbprint is `x5t#S256`, the thumbprint of the client certificate that the connection must have (RFC
	// 8705 section 3.1). Empty: the token is not bound to a certificate.
	CertificateThumbprint string

	// Unknown is true if `cnf` has another member, or no member at all. Such a token must be rejected.
	Unknown bool
}
