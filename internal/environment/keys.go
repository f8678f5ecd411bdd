package environment

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
)

// The variables of keys. At most one of the first six may be set.
const (
	keysFile            = Prefix + "KEYS_FILE"
	secretKey           = Prefix + "SECRET_KEY"
	secretKeyFile       = Prefix + "SECRET_KEY_FILE"
	crossauthPublic     = CrossauthPrefix + "JWT_PUBLIC_KEY"
	crossauthPublicFile = CrossauthPrefix + "JWT_PUBLIC_KEY_FILE"
	crossauthSecret     = CrossauthPrefix + "JWT_SECRET_KEY"
	crossauthSecretFile = CrossauthPrefix + "JWT_SECRET_KEY_FILE"
	keysAlgorithm       = Prefix + "KEYS_ALGORITHM"

	// KeyType is crossauth's variable for the one algorithm of the issuer.
	KeyType = CrossauthPrefix + "JWT_KEY_TYPE"
)

// Keys returns the source of the configured keys, or nil if none are configured.
func (r *Reader) Keys() jwks.Source {
	names := []string{
		keysFile, secretKey, secretKeyFile, crossauthPublic, crossauthPublicFile, crossauthSecret, crossauthSecretFile,
	}
	alg := Get(r, From[string]{keysAlgorithm, Text}, From[string]{KeyType, Text})
	set := r.set(names)
	switch len(set) {
	case 0:
		if r.IsSet(keysAlgorithm) {
			r.Fail(keysAlgorithm, "is set without keys, expected also "+keysFile+", "+secretKey+" or "+secretKeyFile, nil)
		}
		return nil
	case 1:
		return r.key(set[0], alg)
	}
	r.Exclusive(names...)
	return nil
}

// key reads the keys in one variable, or in the file that it names. It rejects an algorithm that does not fit the kind of
// key: a public key must never be used as a shared secret, because everyone knows it (RFC 8725 section 2.1).
func (r *Reader) key(name, alg string) jwks.Source {
	text, ok := parse(r, From[string]{name, Text})
	if !ok {
		return nil
	}
	isSecret := name == secretKey || name == secretKeyFile || name == crossauthSecret || name == crossauthSecretFile
	if isSecret != strings.HasPrefix(alg, "HS") {
		r.Fail(r.algorithmOf(name), wantedAlgorithm(name, alg, isSecret), nil)
		return nil
	}
	source, err := load(name, text, alg)
	if err != nil {
		r.Fail(name, "cannot be used", err)
		return nil
	}
	return source
}

// load returns the source of keys in a text or in a file. Its errors contain no part of a key.
func load(name, text, alg string) (jwks.Source, error) {
	switch name {
	case secretKey, crossauthSecret:
		return jwks.Secret([]byte(text), alg)
	case crossauthPublic:
		return jwks.ParsePEM([]byte(text), alg)
	}
	// If the wrong variable is set, text may be the secret itself. Then no such file exists, and the error must not have it.
	if _, err := os.Stat(text); err != nil {
		return nil, WithoutPath(err)
	}
	return jwks.File(text, alg)
}

// WithoutPath returns the cause of a file system error, without the path.
func WithoutPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// algorithmOf returns the variable that contains the algorithm of the keys in the variable name.
func (r *Reader) algorithmOf(name string) string {
	if strings.HasPrefix(name, CrossauthPrefix) && !r.IsSet(keysAlgorithm) || r.IsSet(KeyType) {
		return KeyType
	}
	return keysAlgorithm
}

// wantedAlgorithm returns the text of the fault for an algorithm that does not fit the kind of key.
func wantedAlgorithm(name, alg string, isSecret bool) string {
	if !isSecret {
		return received(alg, Variable{}) + "which is for shared secrets, but " + name + " is for public keys: expected an algorithm such as ES256"
	}
	if alg == "" {
		return "is required with " + name + ", expected HS256, HS384 or HS512"
	}
	return received(alg, Variable{}) + "which is for public keys, but " + name + " is for a shared secret: expected HS256, HS384 or HS512"
}

// Algorithms returns the accepted algorithms, from the variable called name or from crossauth's variable for the one
// algorithm of the issuer.
func (r *Reader) Algorithms(name string) []string {
	return Get(r, From[[]string]{name, algorithmList}, From[[]string]{KeyType, oneAlgorithm})
}

// algorithmList accepts a list of supported algorithms.
func algorithmList(value string) ([]string, error) {
	algorithms, err := List(value)
	for _, alg := range algorithms {
		if err := signature.Check(alg); err != nil {
			return nil, fmt.Errorf("expected algorithms such as ES256: %w", err)
		}
	}
	return algorithms, err
}

// oneAlgorithm accepts one supported algorithm.
func oneAlgorithm(value string) ([]string, error) {
	if err := signature.Check(value); err != nil {
		return nil, errors.New("expected one supported algorithm, such as RS256")
	}
	return []string{value}, nil
}
