package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// trust verifies JWTs that the server signed for this client: ID tokens, logout tokens, signed user information, signed
// authorization responses and signed introspection responses. It has one Consumer for each kind. The profile of the Consumer has the rules of that kind, so
// that one kind is never accepted in place of another. All of them use the same keys, and require the issuer of the Config,
// and the ClientID as an audience.
//
// Checks that depend on a request, such as the nonce of an ID token, are in the file of that kind.
type trust struct {
	mu        sync.Mutex              // guards the fields below
	metadata  *oidcdiscovery.Metadata // what the verifiers were made from
	verifiers map[verifierKey]*consumer.Consumer
}

// verifierKey is the kind of a JWT and its issuer. With Config.Tenants, there are several issuers.
type verifierKey struct {
	kind   consumer.Profile
	issuer string
}

const maxVerifiers = 100 // that are kept; there may be more tenants

// verifyJWT verifies a JWT of the server as far as that does not depend on a request. An invalid JWT causes an error that
// matches consumer.ErrInvalidToken. If it could not be verified, the error matches ErrUnavailable.
func (c *Client) verifyJWT(ctx context.Context, kind consumer.Profile, raw string) (*consumer.Token, error) {
	// The client may be registered for encryption by mistake. This error says more than "malformed".
	if strings.Count(raw, ".") == partsOfJWE-1 {
		return nil, fmt.Errorf("client: %s: %w", kind, &consumer.Error{
			Reason: consumer.ReasonMalformed, Detail: "encrypted, which is not supported",
		})
	}
	named, err := c.cfg.issuerOf(raw)
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", kind, err)
	}
	m, err := c.trustFacts(ctx)
	if err != nil {
		return nil, err
	}
	verifier, err := c.verifier(m, verifierKey{kind, named})
	if err != nil {
		return nil, err
	}
	if c.usesRemoteKeys() {
		// Verify waits for keys for at most 3 seconds. With a slow server the sign-in would then fail, although its code cannot
		// be used again. So fetch the keys before, with the limits of the client. If this fails, Verify returns the error.
		_ = c.remote.Warm(ctx)
	}
	t, err := verifier.Verify(ctx, raw)
	if err == nil {
		err = c.cfg.checkTenant(kind, t)
	}
	switch {
	case errors.Is(err, consumer.ErrUnavailable):
		return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, kind, err)
	case err != nil:
		return nil, fmt.Errorf("client: %s: %w", kind, ownFields(err))
	}
	return t, nil
}

// ownFields replaces the fields of consumer.Config in the detail of an error by those of this package.
func ownFields(err error) error {
	e, ok := errors.AsType[*consumer.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Detail = strings.ReplaceAll(own.Detail, "(Config.Audience)", "(Config.ClientID)")
	for _, field := range []string{" (Config.Profile ", " (Config.MaxTokenBytes", " (Config.MaxHeaderBytes"} {
		if at := strings.LastIndex(own.Detail, field); at >= 0 { // the client has no such field
			own.Detail = own.Detail[:at]
		}
	}
	return &own
}

// trustFacts returns the metadata for the verification of JWTs. Without remote keys, the metadata is not needed: the Config
// has the keys, and with them the algorithms.
func (c *Client) trustFacts(ctx context.Context) (*oidcdiscovery.Metadata, error) {
	if !c.usesRemoteKeys() {
		return c.assumed, nil
	}
	return c.metadataWith(ctx, "jwks_uri", "id_token_signing_alg_values_supported")
}

// verifier returns the Consumer for a kind of JWT. It makes one at first use. New metadata may list other algorithms or
// another key set, so it needs new Consumers. They have no cache of tokens, because each JWT is used once.
func (c *Client) verifier(m *oidcdiscovery.Metadata, key verifierKey) (*consumer.Consumer, error) {
	t := &c.trust
	t.mu.Lock()
	defer t.mu.Unlock()
	// Config.Tenants may accept any number of issuers. At the limit, all Consumers are dropped: making one again is cheap.
	if m != t.metadata || len(t.verifiers) >= maxVerifiers {
		t.metadata, t.verifiers = m, make(map[verifierKey]*consumer.Consumer)
	}
	if known, ok := t.verifiers[key]; ok {
		return known, nil
	}
	keys, err := c.keysOf(m)
	if err != nil {
		return nil, err
	}
	algorithms, err := c.cfg.algorithmsFor(m, key.kind)
	if err != nil {
		return nil, err
	}
	made, err := consumer.New(consumer.Config{
		Issuer: key.issuer, Audience: []string{c.cfg.ClientID}, Profile: key.kind, InsecureAcceptIDToken: true,
		Algorithms: algorithms, Keys: c.cfg.keysFor(key.issuer, keys), CacheSize: -1, ClockSkew: c.cfg.ClockSkew,
		Logger: c.cfg.Logger, InsecureAllowHTTP: c.cfg.InsecureAllowHTTP, MaxTokenBytes: maxJWTBytes,
		MaxHeaderBytes: maxJWTBytes, // of a response of the server, which may have a chain of certificates
	})
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", key.kind, err)
	}
	t.verifiers[key] = made
	return made, nil
}

const partsOfJWE = 5 // RFC 7516, Section 3.1

const maxJWTBytes = 64 << 10 // ID tokens may have many claims about a user

// keysOf returns the keys that verify the server's signatures: those of the Config, the client's secret, or the key set
// that the metadata names.
func (c *Client) keysOf(m *oidcdiscovery.Metadata) (jwks.Source, error) {
	switch {
	case c.cfg.Keys != nil:
		return c.cfg.Keys, nil
	case !c.usesRemoteKeys():
		return secretKeys(c.cfg)
	case m.JWKSURI == "":
		return nil, absent(m, "jwks_uri", "Config.Keys")
	}
	return c.remote, nil
}

// usesRemoteKeys reports whether the server's signatures are verified with the key set that the metadata names.
func (c *Client) usesRemoteKeys() bool {
	symmetric := len(c.cfg.Algorithms) > 0 && isSymmetric(c.cfg.Algorithms[0])
	return c.cfg.Keys == nil && !symmetric
}

// secretKeys returns the client secret as a key for each of the algorithms (OpenID Connect Core, Section 10.1).
func secretKeys(cfg Config) (jwks.Static, error) {
	if cfg.SecretSource != nil {
		return nil, errors.New("client: Config.Keys is required with SecretSource and symmetric Algorithms: a secret that changes does not verify signatures")
	}
	var keys jwks.Static
	for _, alg := range cfg.Algorithms {
		key, err := jwks.Secret([]byte(cfg.ClientSecret), alg)
		if err != nil {
			return nil, fmt.Errorf("client: Config.ClientSecret: %w", err)
		}
		keys = append(keys, key...)
	}
	return keys, nil
}

// isSymmetric reports whether the key of an algorithm is a secret.
func isSymmetric(alg string) bool { return strings.HasPrefix(alg, "HS") }

// algorithmsFor returns the algorithms that the server may use for a kind of JWT: those of the Config, else the asymmetric
// ones that the metadata lists, else RS256, the default of OpenID Connect Registration, Section 2.
func (cfg Config) algorithmsFor(m *oidcdiscovery.Metadata, kind consumer.Profile) ([]string, error) {
	if len(cfg.Algorithms) > 0 || cfg.Keys != nil {
		return cfg.Algorithms, nil
	}
	offered, member := m.IDTokenSigningAlgValuesSupported, "id_token_signing_alg_values_supported"
	switch kind {
	case profileUserInfo:
		offered, member = m.UserinfoSigningAlgValuesSupported, "userinfo_signing_alg_values_supported"
	case profileAuthorizationResponse:
		offered, member = m.AuthorizationSigningAlgValuesSupported, "authorization_signing_alg_values_supported"
	case profileIntrospection:
		offered, member = m.IntrospectionSigningAlgValuesSupported, "introspection_signing_alg_values_supported"
	default: // logout tokens are signed like ID tokens (Back-Channel Logout, Section 2.4)
	}
	if err := requireUsable(m, member); err != nil {
		return nil, err
	}
	known := slices.DeleteFunc(slices.Clone(offered), func(alg string) bool {
		return !slices.Contains(asymmetricAlgorithms(), alg)
	})
	switch {
	case len(known) == 0:
		return []string{"RS256"}, nil
	case slices.Contains(known, "EdDSA") || slices.Contains(known, "Ed25519"): // two names of one algorithm (RFC 9864)
		known = append(known, "EdDSA", "Ed25519")
	}
	return known, nil
}

// asymmetricAlgorithms lists the supported algorithms with public keys.
func asymmetricAlgorithms() []string {
	return []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
	}
}

// validateAlgorithms requires the algorithms to be all symmetric or all asymmetric, unless jwks.Join has joined both kinds of
// keys. So a public key is never used as a secret.
func (cfg Config) validateAlgorithms() (faults []error) {
	for _, alg := range cfg.Algorithms {
		symmetric := isSymmetric(alg)
		switch {
		case !slices.Contains(append(asymmetricAlgorithms(), "HS256", "HS384", "HS512"), alg):
			faults = append(faults, fmt.Errorf("client: Config.Algorithms: %q is not supported", alg))
		case symmetric != isSymmetric(cfg.Algorithms[0]) && !cfg.hasBothKinds():
			faults = append(faults, errors.New("client: Config.Algorithms mixes symmetric and asymmetric algorithms"))
		}
	}
	if len(faults) > 0 || len(cfg.Algorithms) == 0 || !isSymmetric(cfg.Algorithms[0]) || cfg.Keys != nil {
		return faults
	}
	if _, err := secretKeys(cfg); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// hasBothKinds reports whether Keys is a source of jwks.Join with both secrets and public keys.
func (cfg Config) hasBothKinds() bool {
	joined, ok := cfg.Keys.(interface{ Mixed() bool })
	return ok && joined.Mixed()
}

// InsecureDecode decodes the payload of a JWT into v, a pointer as for [encoding/json.Unmarshal]. It does not verify
// anything: anyone can have written the JWT. See [Client.VerifyIDToken].
func InsecureDecode(raw string, v any) error {
	claims, err := unverified(raw)
	if err != nil {
		return err
	}
	if err := claims.Decode(v); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// unverified returns the payload of a JWT. It does not verify the signature.
func unverified(raw string) (compact.Object, error) {
	parts, err := compact.Split(raw)
	if err != nil {
		return compact.Object{}, fmt.Errorf("client: %w", err)
	}
	payload, err := parts.DecodePayload()
	if err != nil {
		return compact.Object{}, fmt.Errorf("client: %w", err)
	}
	claims, err := compact.ParseObject(payload, maxDepth)
	if err != nil {
		return compact.Object{}, fmt.Errorf("client: %w", err)
	}
	return claims, nil
}
