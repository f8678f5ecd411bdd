package inspect

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/quirk"
)

// KeySet is a key set that was read.
type KeySet struct {
	// Origin says where the keys come from: a URL or the name of a file.
	Origin string

	// Keys are all keys of the set, usable or not.
	Keys []jwks.InspectedKey

	// Quirks are the deviations that were accepted.
	Quirks []quirk.Quirk
}

// Usable returns the keys that verify signatures.
func (s *KeySet) Usable() jwks.Static {
	var usable jwks.Static
	for _, k := range s.Keys {
		if k.Unusable == nil {
			usable = append(usable, k.Key)
		}
	}
	return usable
}

// maxFile is the number of bytes of a key file, as for [jwks.File].
const maxFile = 512 << 10

// Options says how keys are fetched. The zero value applies the limits of the kit.
type Options struct {
	HTTPClient *http.Client
	MaxBytes   int64
	Timeout    time.Duration
	AllowHTTP  bool
}

// fetch returns the options for package fetch.
func (o Options) fetch() fetch.Options {
	return fetch.Options{Client: o.HTTPClient, MaxBytes: o.MaxBytes, Timeout: o.Timeout, AllowHTTP: o.AllowHTTP}
}

// KeysOfIssuer finds the key set of an issuer in its metadata, as package consumer does, and reads it.
func KeysOfIssuer(ctx context.Context, issuer string, o Options) (*KeySet, error) {
	client := oidcdiscovery.Client{
		HTTPClient: o.HTTPClient, Timeout: o.Timeout, InsecureAllowHTTP: o.AllowHTTP, Members: []string{"jwks_uri"},
	}
	m, err := client.Discover(ctx, issuer)
	if err != nil {
		return nil, err
	}
	if m.JWKSURI == "" {
		return nil, fmt.Errorf("the metadata of %s has no jwks_uri", cli.Quote(cli.URL(issuer)))
	}
	return KeysAt(ctx, m.JWKSURI, o)
}

// KeysAt reads the key set at a URL.
func KeysAt(ctx context.Context, url string, o Options) (*KeySet, error) {
	options := o.fetch()
	options.Header = http.Header{"Accept": {"application/jwk-set+json, application/json"}}
	response, err := fetch.Get(ctx, url, options)
	if err != nil {
		return nil, err
	}
	return parse(url, response.Body)
}

// KeysIn reads a key set from a file with a JWK Set, a JWK, or PEM blocks. The file "-" is the standard input.
func KeysIn(env *cli.Env, file string) (*KeySet, error) {
	data, err := env.ReadFile(file, maxFile)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(data), "-----BEGIN ") {
		return parse(file, data)
	}
	keys, err := jwks.ParsePEM(data, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cli.Quote(file), err)
	}
	set := &KeySet{Origin: file}
	for _, k := range keys {
		set.Keys = append(set.Keys, jwks.InspectedKey{Key: k, Type: TypeOf(k.Public)})
	}
	return set, nil
}

// KeysFrom reads a key set from a URL or a file.
func KeysFrom(ctx context.Context, env *cli.Env, place string, o Options) (*KeySet, error) {
	if strings.HasPrefix(place, "https://") || strings.HasPrefix(place, "http://") {
		return KeysAt(ctx, place, o)
	}
	return KeysIn(env, place)
}

// parse parses a JWK Set or a JWK.
func parse(origin string, data []byte) (*KeySet, error) {
	keys, quirks, err := jwks.Inspect(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cli.Quote(cli.URL(origin)), err)
	}
	return &KeySet{Origin: cli.URL(origin), Keys: keys, Quirks: quirks}, nil
}

// TypeOf returns the kty of a public key, or "" for an unknown one.
func TypeOf(public any) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RSA"
	case *ecdsa.PublicKey:
		return "EC"
	case ed25519.PublicKey:
		return "OKP"
	}
	return ""
}

// SizeOf describes the size of a public key: its bits or its curve. It returns "" for an unknown key.
func SizeOf(public any) string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("%d bits", key.N.BitLen())
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return ""
}

// JWK returns the required public members of a key (RFC 7517, RFC 7518 section 6, RFC 8037 section 2), or nil for a key of a type
// that has none here.
func JWK(public any) map[string]string {
	encode := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return nil
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:] // the first byte says that the point is not compressed
		return map[string]string{"kty": "EC", "crv": key.Curve.Params().Name, "x": encode(x), "y": encode(y)}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(key)}
	}
	return nil
}

// Thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638), or "" for a key without a JWK. encoding/json sorts the
// members as the RFC requires.
func Thumbprint(public any) string {
	members := JWK(public)
	if members == nil {
		return ""
	}
	text, err := json.Marshal(members)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
