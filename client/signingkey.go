package client

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// SigningKey is a private key of the client. Neither fmt nor slog prints it.
type SigningKey struct {
	// Private is a crypto.Signer with an RSA key of at least 2048 bits, an ECDSA key, or an Ed25519 key.
	Private any

	// Algorithm is the signature algorithm, by its name in RFC 7518, Section 3.1: "ES256", "PS256", "EdDSA" and so on.
	Algorithm string

	// ID is the kid by which the server knows the key. Empty means that no kid is sent.
	ID string

	// Certificate is the certificate of the key, for servers that find the key by its certificate, such as Microsoft Entra.
	// Its public key must be the one of Private. Its thumbprints are sent in the headers x5t#S256 and x5t (RFC 7515,
	// Sections 4.1.7 and 4.1.8). With GODEBUG=fips140=only, x5t is omitted, because it is a SHA-1 hash. New does not check
	// whether the certificate has expired. Nil means that no thumbprint is sent. It must be nil for Config.DPoP.
	Certificate *x509.Certificate

	// Chain is sent in the header x5c (RFC 7515, Section 4.1.6), for servers that trust the issuer of the certificate. Its
	// first element must be Certificate, and each further one must have issued the one before it. Nil means that x5c is not
	// sent.
	Chain []*x509.Certificate
}

// key returns k without its certificates, as package jwtsign reads it.
func (k *SigningKey) key() jwtsign.Key {
	return jwtsign.Key{Private: k.Private, Algorithm: k.Algorithm, ID: k.ID}
}

// check returns an error if the key cannot sign, or if Certificate has another public key.
func (k *SigningKey) check() error {
	if err := k.key().Check(); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(k.Algorithm, "HS"):
		return errors.New("a secret is not allowed, expected a private key")
	case k.Certificate == nil && k.Chain != nil:
		return errors.New("a chain requires a certificate (SigningKey.Chain, SigningKey.Certificate)")
	case k.Certificate == nil:
		return nil
	}
	if err := k.key().CheckCertificate(k.Certificate); err != nil {
		return fmt.Errorf("%w (SigningKey.Certificate)", err)
	}
	return k.checkChain()
}

// checkChain requires the order of RFC 7515, Section 4.1.6. A server ignores or rejects a chain in another order.
func (k *SigningKey) checkChain() error {
	for i, one := range k.Chain {
		switch {
		case one == nil || len(one.Raw) == 0:
			return fmt.Errorf("element %d of SigningKey.Chain is empty", i)
		case i == 0 && !one.Equal(k.Certificate):
			return errors.New("element 0 of SigningKey.Chain is not SigningKey.Certificate")
		case i > 0 && string(k.Chain[i-1].RawIssuer) != string(one.RawSubject):
			return fmt.Errorf("element %d of SigningKey.Chain is not the issuer of element %d", i, i-1)
		}
	}
	return nil
}

// jwt returns a JWT that is signed with the key. Its header also names the certificate, if there is one.
func (k *SigningKey) jwt(header, claims map[string]any) (string, error) {
	if k.Certificate != nil {
		named := jwtsign.CertificateHeader(k.Certificate, k.Chain)
		maps.Copy(named, header)
		header = named
	}
	return k.key().JWT(header, claims)
}

// Format implements [fmt.Formatter]. For every verb, it omits the key.
func (k SigningKey) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.SigningKey{"+k.Algorithm+"}")
}

// LogValue implements [slog.LogValuer]. It omits the key.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.Algorithm) }

const signedSecretFor = 5 * time.Minute

// SignedSecret returns a function for Config.SecretSource. It is for servers, such as Apple, that require a client secret
// that is a JWT signed by the client. Each call of the function returns a new JWT with claims, which is valid for 5 minutes.
// claims must not have iat or exp, because the function sets them. claims is copied. For Apple, key is an ES256 key with its
// key id, and claims has the team id as iss, the client id as sub, and "https://appleid.apple.com" as aud.
func SignedSecret(key SigningKey, claims map[string]any) (func(context.Context) (string, error), error) {
	if err := key.check(); err != nil {
		return nil, fmt.Errorf("client: SignedSecret: key: %w", err)
	}
	for _, name := range []string{"iat", "exp"} {
		if _, ok := claims[name]; ok {
			return nil, fmt.Errorf("client: SignedSecret: claims has %s, which is set for each secret", name)
		}
	}
	if _, err := json.Marshal(claims); err != nil {
		return nil, fmt.Errorf("client: SignedSecret: claims: %w", err)
	}
	claims = maps.Clone(claims)
	return func(context.Context) (string, error) {
		now := time.Now()
		dated := map[string]any{"iat": now.Unix(), "exp": now.Add(signedSecretFor).Unix()}
		maps.Copy(dated, claims)
		secret, err := key.jwt(nil, dated)
		if err != nil {
			return "", fmt.Errorf("client: SignedSecret: %w", err)
		}
		return secret, nil
	}, nil
}
