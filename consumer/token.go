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

// Token is a verified access token. A [Consumer] or [Group] makes one by verification, a custom [Verifier] by [NewToken].
// The zero Token stands for no token at all: its VerifiedAt is zero, and the Guard of package middleware rejects it.
//
// All requests with the same token share one Token, so a Token cannot be changed: its methods return copies or immutable
// values. A Token is safe for concurrent use.
type Token struct {
	// What a hit looks at stands together, so that it is fetched from memory together.
	expiry, issuedAt, notBefore time.Time
	confirmation                *Confirmation // nil: a bearer token

	// What it was verified by: the answer holds for as long as this key is trusted by this consumer.
	key      *jwks.Key // which may be a secret; behind a pointer, since fmt follows none where it cannot call Format
	header   *header   // shared by all tokens that have the same
	consumer *Consumer
	resident *resident // nil: not from GroupConfig.Resolve

	issuer, subject  string
	clientID, id     string
	audience, scopes []string
	principal        Principal
	verified         clock.Instant
	claims           compact.Object

	decoded atomic.Pointer[sync.Map] // reflect.Type → the value ClaimsAs decoded; nil: none yet
}

// Issuer is `iss`: the configured issuer, byte for byte (RFC 7519 §4.1.1).
func (t *Token) Issuer() string { return t.issuer }

// Subject is `sub` (RFC 7519 §4.1.2). It is unique within its issuer only, and it names a client where [Token.Principal]
// says so.
func (t *Token) Subject() string { return t.subject }

// ClientID is the client that asked for the token: `client_id` (RFC 9068 §2.2) or the claim that the profile reads
// instead. Empty if the profile does without.
func (t *Token) ClientID() string { return t.clientID }

// ID is `jti` (RFC 7519 §4.1.7), empty if the token has none.
func (t *Token) ID() string { return t.id }

// Audience is `aud` (RFC 7519 §4.1.3), as a copy.
func (t *Token) Audience() []string { return slices.Clone(t.audience) }

// Expiry is `exp` (RFC 7519 §4.1.4), without the clock skew that verification grants.
func (t *Token) Expiry() time.Time { return t.expiry }

// IssuedAt is `iat` (RFC 7519 §4.1.6), the zero time if the token has none.
func (t *Token) IssuedAt() time.Time { return t.issuedAt }

// NotBefore is `nbf` (RFC 7519 §4.1.5), the zero time if the token has none.
func (t *Token) NotBefore() time.Time { return t.notBefore }

// VerifiedAt is when the signature was verified, or when [NewToken] was called. For a cached token this is before the
// request. It is the zero time for a Token that was made in neither way; such a Token grants no access.
func (t *Token) VerifiedAt() time.Time { return t.verified.Time() }

// Principal tells whether the token speaks for a user or for the client itself (RFC 9700 §4.15).
func (t *Token) Principal() Principal { return t.principal }

// Scopes are the granted scopes, as a copy. They are read from `scope`, a string (RFC 8693 §4.2) or an array, or else
// from `scp`, likewise.
func (t *Token) Scopes() []string { return slices.Clone(t.scopes) }

// HasScope reports whether scope was granted; it is compared byte for byte and does not allocate.
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.scopes, scope) }

// Claim returns a claim of any kind as encoding/json would: nil, bool, float64, string, []any or map[string]any. Its
// name is compared byte for byte. Each call makes a new value, which the caller may change. For exact numbers use
// [Token.Decode].
func (t *Token) Claim(name string) (value any, ok bool) {
	v, ok := t.claims.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// Decode decodes the verified claims into v, a pointer as for [encoding/json.Unmarshal], except that names are compared
// byte for byte (RFC 7519 §4). See [ClaimsAs] for decoding once per token instead of once per request.
func (t *Token) Decode(v any) error {
	if err := t.claims.Decode(v); err != nil {
		return fmt.Errorf("consumer: %w", err)
	}
	return nil
}

// Confirmation returns what `cnf` binds the token to (RFC 7800 §3.1); ok is false for a bearer token. Whoever accepts a
// token that has one must see the proof, or refuse it.
func (t *Token) Confirmation() (c Confirmation, ok bool) {
	if t.confirmation == nil {
		return Confirmation{}, false
	}
	return *t.confirmation, true
}

// LogValue shows what may stand in a log: issuer, client and expiry, but nothing that identifies a person and nothing
// that can be used again.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("issuer", t.issuer),
		slog.String("client_id", t.clientID),
		slog.Time("expiry", t.expiry),
	)
}

// Format writes what [Token.LogValue] shows, whatever the verb. Without this method fmt would print every claim.
func (t *Token) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{issuer %q client %q expiry %v}", t.issuer, t.clientID, t.expiry)
}

// Principal is whom a token speaks for.
type Principal int

const (
	// PrincipalUser says that the subject is a person, or whatever else the issuer calls a user.
	PrincipalUser Principal = iota

	// PrincipalClient says that the client acts on its own behalf: the subject is no user, even if one of that name exists.
	PrincipalClient
)

// Confirmation is what a token is bound to (RFC 7800).
type Confirmation struct {
	// JWKThumbprint is `jkt`: the key of the DPoP proof that must come with the token (RFC 9449 §6.1).
	JWKThumbprint string

	// CertificateThumbprint is `x5t#S256`: the client certificate the token must come over (RFC 8705 §3.1).
	CertificateThumbprint string

	// Unknown is true if `cnf` holds anything else, or nothing. Such a token cannot be accepted.
	Unknown bool
}
