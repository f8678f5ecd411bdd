package client

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/bearerkit/bearerkit/internal/environment"
)

// The variables of credentials.
const (
	secretVariable     = "BEARERKIT_CLIENT_SECRET"
	secretFileVariable = "BEARERKIT_CLIENT_SECRET_FILE"
	crossauthSecret    = "CROSSAUTH_OAUTH_CLIENT_SECRET" //nolint:gosec // the name of a variable
)

// authFromEnv sets the id of the client and the fields of its authentication.
func (cfg *Config) authFromEnv(r *environment.Reader) {
	cfg.ClientID = r.Text("BEARERKIT_CLIENT_ID", "CROSSAUTH_OAUTH_CLIENT_ID")
	cfg.ClientMetadataDocument = r.Bool("BEARERKIT_CLIENT_METADATA_DOCUMENT")
	cfg.ClientIDInBody = r.Bool("BEARERKIT_CLIENT_ID_IN_BODY")
	cfg.ClientSecret = r.Text(secretVariable, crossauthSecret)
	if r.IsSet(secretFileVariable) {
		r.Exclusive(secretFileVariable, secretVariable)
		r.Exclusive(secretFileVariable, crossauthSecret)
	}
	cfg.AuthMethod = environment.Get(r, environment.From[AuthMethod]{Name: "BEARERKIT_AUTH_METHOD", Parse: environment.Choice(methodsByName())})
	cfg.BasicEncoding = environment.Get(r, environment.From[BasicEncoding]{
		Name: "BEARERKIT_BASIC_ENCODING", Parse: environment.Choice(map[string]BasicEncoding{"form": BasicForm, "raw": BasicRaw}),
	})
	cfg.AssertionAudience = r.Text("BEARERKIT_ASSERTION_AUDIENCE")
	if path := r.Text(secretFileVariable); path != "" {
		cfg.SecretSource = SecretFile(path)
		_, err := readSecret(path)
		failIf(r, secretFileVariable, err)
	}
	if path := r.Text("BEARERKIT_ASSERTION_FILE"); path != "" {
		cfg.AssertionSource = AssertionFile(path)
		assertion, err := readCredential(path)
		if err == nil {
			err = checkAssertion(assertion)
		}
		failIf(r, "BEARERKIT_ASSERTION_FILE", err)
	}
	cfg.Key = keyFromEnv(r, "BEARERKIT_CLIENT_KEY")
	if id := r.Text("BEARERKIT_CLIENT_KEY_ID"); cfg.Key != nil {
		cfg.Key.ID = id
	}
	cfg.DPoP = keyFromEnv(r, "BEARERKIT_DPOP_KEY")
	requireKey(r, "BEARERKIT_CLIENT_KEY_FILE", "BEARERKIT_CLIENT_KEY_ID", "BEARERKIT_CLIENT_KEY_ALGORITHM")
	requireKey(r, "BEARERKIT_DPOP_KEY_FILE", "BEARERKIT_DPOP_KEY_ALGORITHM")
}

// failIf records a fault if a file cannot be used. The error has neither the path nor the content: if the wrong variable is
// set, the value is not a path but a secret.
func failIf(r *environment.Reader, variable string, err error) {
	if err != nil {
		r.Fail(variable, "names a file that cannot be used", err)
	}
}

// requireKey records a fault if one of the variables is set without the file of the key.
func requireKey(r *environment.Reader, file string, variables ...string) {
	for _, name := range variables {
		if r.IsSet(name) && !r.IsSet(file) {
			r.Fail(name, "is set without a key, expected also "+file, nil)
		}
	}
}

// methodsByName returns the methods of authentication by their names.
func methodsByName() map[string]AuthMethod {
	byName := make(map[string]AuthMethod)
	for _, method := range []AuthMethod{AuthNone, AuthBasic, AuthPost, AuthSecretJWT, AuthPrivateKeyJWT, AuthTLS, AuthSelfSignedTLS} {
		byName[string(method)] = method
	}
	return byName
}

// keyFromEnv returns the private key in the file that the variable prefix_FILE names. It returns nil if the variable is not
// set. The algorithm is that of prefix_ALGORITHM, or the usual one for the type of the key.
func keyFromEnv(r *environment.Reader, prefix string) *SigningKey {
	algorithm := r.Text(prefix + "_ALGORITHM")
	path := r.Text(prefix + "_FILE")
	if path == "" {
		return nil
	}
	key, err := readKey(path, algorithm)
	if err == nil {
		err = key.check()
	}
	failIf(r, prefix+"_FILE", err)
	return key
}

// readKey reads a private key from a PEM file. An empty algorithm means the usual one for the type of the key.
func readKey(path, algorithm string) (*SigningKey, error) {
	content, err := readCredential(path)
	if err != nil {
		return nil, err
	}
	private, err := parsePrivateKey([]byte(content))
	if err != nil {
		return nil, err
	}
	if algorithm == "" {
		algorithm = usualAlgorithm(private.Public())
	}
	return &SigningKey{Private: private, Algorithm: algorithm}, nil
}

// parsePrivateKey returns the only private key in a PEM document (RFC 7468). It skips the parameters of curves, which
// OpenSSL writes before a key. Its errors contain no part of the document.
func parsePrivateKey(document []byte) (crypto.Signer, error) {
	var found crypto.Signer
	for {
		block, rest := pem.Decode(document)
		if block == nil {
			break
		}
		document = rest
		if block.Type == "EC PARAMETERS" {
			continue
		}
		if found != nil {
			return nil, errors.New("more than one PEM block, expected one private key")
		}
		key, err := parsePrivateBlock(block)
		if err != nil {
			return nil, err
		}
		found = key
	}
	if found == nil {
		return nil, errors.New("no PEM block found, expected one private key")
	}
	return found, nil
}

// parsePrivateBlock returns the private key in a PEM block.
func parsePrivateBlock(block *pem.Block) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block of the type %q, expected PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY, not encrypted", clip(block.Type))
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("the PEM block %s cannot be read as a key for signatures", block.Type)
	}
	return signer, nil
}

// usualAlgorithm returns the algorithm that servers support most often for keys of this type.
func usualAlgorithm(public crypto.PublicKey) string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return "RS256"
	case ed25519.PublicKey:
		return "EdDSA"
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P384():
			return "ES384"
		case elliptic.P521():
			return "ES512"
		}
		return "ES256"
	}
	return ""
}
