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

// trust verifies JWTs that the server signed for this client. It has one Consumer for each kind of JWT. All of them use
// the same keys.
type trust struct {
	mu        sync.Mutex              // guards what follows
	metadata  *oidcdiscovery.Metadata // what the verifiers were made from
	verifiers map[consumer.Profile]*consumer.Consumer
}

// verifyJWT takes raw through every check that does not depend on what the client asked for. A JWT that is not good
// matches [consumer.ErrInvalidToken], one that could not be checked [ErrUnavailable].
func (c *Client) verifyJWT(ctx context.Context, kind consumer.Profile, raw string) (*consumer.Token, error) {
	if strings.Count(raw, ".") == partsOfJWE-1 { // whoever registered for that is told so
		return nil, fmt.Errorf("client: %s: %w", kind, &consumer.Error{
			Reason: consumer.ReasonMalformed, Detail: "it is encrypted, which is not supported",
		})
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	verifier, err := c.verifier(m, kind)
	if err != nil {
		return nil, err
	}
	t, err := verifier.Verify(ctx, raw)
	switch {
	case errors.Is(err, consumer.ErrUnavailable):
		return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, kind, err)
	case err != nil:
		return nil, fmt.Errorf("client: %s: %w", kind, err)
	}
	return t, nil
}

// verifier returns the Consumer for a kind of JWT. New metadata may name other algorithms, so it needs new Consumers.
func (c *Client) verifier(m *oidcdiscovery.Metadata, kind consumer.Profile) (*consumer.Consumer, error) {
	t := &c.trust
	t.mu.Lock()
	defer t.mu.Unlock()
	if m != t.metadata {
		t.metadata, t.verifiers = m, make(map[consumer.Profile]*consumer.Consumer)
	}
	if known, ok := t.verifiers[kind]; ok {
		return known, nil
	}
	keys, err := c.keysOf(m)
	if err != nil {
		return nil, err
	}
	made, err := consumer.New(consumer.Config{
		Issuer: c.cfg.Issuer, Audience: []string{c.cfg.ClientID}, Profile: kind, InsecureAcceptIDToken: true,
		Algorithms: c.cfg.algorithmsFor(m, kind), Keys: keys, CacheSize: -1, ClockSkew: c.cfg.ClockSkew,
		Logger: c.cfg.Logger, InsecureAllowHTTP: c.cfg.InsecureAllowHTTP, MaxTokenBytes: maxJWTBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("client: %s: %w", kind, err)
	}
	t.verifiers[kind] = made
	return made, nil
}

const partsOfJWE = 5 // RFC 7516 §3.1

const maxJWTBytes = 64 << 10 // ID tokens may hold much of what is known of a person

// keysOf returns the keys that verify the server's signatures: those of the Config, the client's secret, or the key set
// that the metadata names.
func (c *Client) keysOf(m *oidcdiscovery.Metadata) (jwks.Source, error) {
	switch {
	case c.cfg.Keys != nil:
		return c.cfg.Keys, nil
	case len(c.cfg.Algorithms) > 0 && isSymmetric(c.cfg.Algorithms[0]):
		return secretKeys(c.cfg)
	case m.JWKSURI == "":
		return nil, fmt.Errorf("%w: the metadata has no jwks_uri", ErrUnsupported)
	}
	return c.remote, nil
}

// secretKeys is the client's secret, for each of the algorithms (OpenID Connect Core §10.1).
func secretKeys(cfg Config) (jwks.Static, error) {
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

func isSymmetric(alg string) bool { return strings.HasPrefix(alg, "HS") }

// algorithmsFor are those that the client was told of. Without that they are the server's asymmetric ones, since any of
// them it may use, or what OpenID Connect Registration §2 has for those that name none.
func (cfg Config) algorithmsFor(m *oidcdiscovery.Metadata, kind consumer.Profile) []string {
	if len(cfg.Algorithms) > 0 || cfg.Keys != nil {
		return cfg.Algorithms
	}
	offered := m.IDTokenSigningAlgValuesSupported
	switch kind {
	case consumer.ProfileUserInfo:
		offered = m.UserinfoSigningAlgValuesSupported
	case consumer.ProfileAuthorizationResponse:
		offered = m.AuthorizationSigningAlgValuesSupported
	default: // logout tokens are signed like ID tokens (Back-Channel Logout §2.4)
	}
	known := slices.DeleteFunc(slices.Clone(offered), func(alg string) bool {
		return !slices.Contains(asymmetricAlgorithms(), alg)
	})
	if len(known) == 0 {
		return []string{"RS256"}
	}
	return known
}

func asymmetricAlgorithms() []string {
	return []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
	}
}

// validateAlgorithms holds the secret and public keys apart, so that no public key is ever tried as a secret.
func (cfg Config) validateAlgorithms() (faults []error) {
	for _, alg := range cfg.Algorithms {
		symmetric := isSymmetric(alg)
		switch {
		case !slices.Contains(append(asymmetricAlgorithms(), "HS256", "HS384", "HS512"), alg):
			faults = append(faults, fmt.Errorf("client: Config.Algorithms: %q is not supported", alg))
		case symmetric != isSymmetric(cfg.Algorithms[0]):
			faults = append(faults, errors.New("client: Config.Algorithms mixes secrets and public keys"))
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

// InsecureDecode decodes the payload of a JWT into v, a pointer as for [encoding/json.Unmarshal], and verifies nothing:
// what it says, anyone can have written. See [Client.VerifyIDToken].
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
