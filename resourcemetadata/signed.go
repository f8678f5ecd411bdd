package resourcemetadata

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/signature"
)

const (
	maxHeaderBytes = 2 << 10 // the largest length of the encoded header of signed_metadata
	maxSignedKeys  = 4       // the largest number of keys that are tried
	clockSkew      = 10      // seconds that the clock of the issuer may differ
)

// applySigned verifies `signed_metadata` and replaces members of m by its claims (RFC 9728 section 2.2). Members that are not signed
// keep the values of the document.
func (c *Client) applySigned(ctx context.Context, m *Metadata) error {
	claims, issuer, err := c.verifySigned(ctx, m.SignedMetadata)
	if err != nil {
		return fmt.Errorf("signed_metadata: %w", err)
	}
	fields := m.fields()
	for name, value := range claims.All() {
		field, known := fields[name]
		switch {
		case name == "signed_metadata":
			return errors.New("signed_metadata: contains the claim signed_metadata, expected none")
		case slices.Contains([]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}, name): // about the JWT itself
		case known:
			empty(field) // no value that is not signed may remain, also if the claim is null
			if err := claims.DecodeMember(name, field); err != nil {
				return fmt.Errorf("signed_metadata: %w", err)
			}
		default:
			if m.Extra == nil {
				m.Extra = make(map[string]any)
			}
			m.Extra[name] = value.Any()
		}
	}
	m.signedBy = issuer
	return nil
}

// verifySigned verifies the JWT raw and returns its claims and its issuer. It checks everything that costs little before it requests
// the keys of the issuer.
func (c *Client) verifySigned(ctx context.Context, raw string) (claims compact.Object, issuer string, err error) {
	parts, err := compact.Split(raw)
	if err != nil {
		return claims, "", err
	}
	alg, kid, err := signedHeader(parts)
	if err != nil {
		return claims, "", err
	}
	payload, err := parts.DecodePayload()
	if err != nil {
		return claims, "", err
	}
	if claims, err = compact.ParseObject(payload, maxDepth); err != nil {
		return claims, "", err
	}
	issuer, ok := claims.OptionalText("iss")
	if !ok || issuer == "" {
		return claims, "", errors.New("iss is missing or not a string")
	}
	if err := checkTimes(claims); err != nil {
		return claims, "", err
	}
	keys, err := c.SignedMetadataKeys(ctx, issuer, kid, alg)
	if err != nil {
		return claims, "", fmt.Errorf("keys of issuer %.100q: %w (SignedMetadataKeys)", issuer, err)
	}
	// SignedMetadataKeys has decided whether the issuer is trusted. From here on, only the signature matters.
	signed, err := parts.AppendSignature(nil)
	if err != nil {
		return claims, "", err
	}
	algorithm, _ := signature.Lookup(alg)
	for _, key := range keys[:min(len(keys), maxSignedKeys)] {
		if algorithm.Fits(key) && signature.Weakness(key) == "" && algorithm.Verify(key, parts.SigningInput, signed) {
			return claims, issuer, nil
		}
	}
	return claims, "", fmt.Errorf("no key of issuer %.100q verifies the signature (SignedMetadataKeys)", issuer)
}

// signedHeader checks the header and returns its `alg` and `kid`. It rejects symmetric algorithms, extensions (`crit`, `b64`), and the
// `typ` of access tokens and DPoP proofs, so that no token of the issuer is accepted as metadata.
func signedHeader(parts compact.Parts) (alg, kid string, err error) {
	if len(parts.Header) > maxHeaderBytes {
		return "", "", fmt.Errorf("the header is longer than %d bytes", maxHeaderBytes)
	}
	text, err := parts.DecodeHeader()
	if err != nil {
		return "", "", err
	}
	o, err := compact.ParseObject(text, maxDepth)
	if err != nil {
		return "", "", err
	}
	for _, name := range []string{"crit", "b64"} {
		if _, ok := o.Get(name); ok {
			return "", "", errors.New(name + " in the header is not supported")
		}
	}
	alg, _ = o.OptionalText("alg")
	if !slices.Contains(signature.Public(), alg) {
		return "", "", fmt.Errorf("alg %.100q is not one of %q", alg, signature.Public())
	}
	kid, ok := o.OptionalText("kid")
	if !ok || len(kid) > 256 {
		return "", "", errors.New("kid is not a string of at most 256 bytes")
	}
	typ, ok := o.OptionalText("typ")
	if typ = strings.ToLower(typ); !ok || strings.HasSuffix(typ, "at+jwt") || strings.HasSuffix(typ, "dpop+jwt") {
		return "", "", fmt.Errorf("typ is %.100q, expected none, or one of another kind than access tokens and proofs", typ)
	}
	return alg, kid, nil
}

// checkTimes checks `exp` and `nbf`, which may be absent.
func checkTimes(claims compact.Object) error {
	now := float64(time.Now().Unix())
	if v, there := claims.Get("exp"); there {
		if exp, ok := v.Number(); !ok || now >= exp+clockSkew {
			return errors.New("exp is in the past or not a number")
		}
	}
	if v, there := claims.Get("nbf"); there {
		if nbf, ok := v.Number(); !ok || now < nbf-clockSkew {
			return errors.New("nbf is in the future or not a number")
		}
	}
	return nil
}
