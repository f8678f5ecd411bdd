package consumer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// A faulty Source must not cause a panic in a request.
func TestJ1_EmptyKeysOfACustomSourceVerifyNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		alg    string
		public any
	}{
		{"RS256", (*rsa.PublicKey)(nil)},
		{"RS256", &rsa.PublicKey{}},
		{"PS256", &rsa.PublicKey{}},
		{"ES256", (*ecdsa.PublicKey)(nil)},
		{"ES256", &ecdsa.PublicKey{}},
	} {
		t.Run(fmt.Sprintf("%s_%T", test.alg, test.public), func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer(test.alg)
			cfg := offline(t, issuer)
			cfg.Keys = fixedSource{key: jwks.Key{Public: test.public}}
			reject(t, newConsumer(t, cfg), issuer.AccessToken().Sign(), consumer.ReasonSignature)
		})
	}
}

// A Check that returns a nil pointer as an error, which is not nil, rejects the token and causes no panic.
func TestNilErrorOfCheck(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.Check = func(context.Context, *consumer.Token) error {
		var fault *consumer.Error
		return fault
	}
	err := reject(t, newConsumer(t, cfg), issuer.AccessToken().Sign(), consumer.ReasonClaims)
	if !errors.Is(err, consumer.ErrInvalidToken) || !strings.Contains(err.Error(), "nil *Error") {
		t.Errorf("the error is %v", err)
	}
}

// %s of a struct that holds a *Token in an unexported field must not print a shared secret: for a
// verb that does not fit, fmt follows one pointer and calls no method there.
func TestB8_Attack43_TokenInAnUnexportedField(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("HS256")
	_, key := issuer.Key("HS256")
	secret, _ := key.([]byte)
	keys, err := jwks.Secret(secret, "HS256")
	if err != nil {
		t.Fatal(err)
	}
	cfg := consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys}
	token := accept(t, newConsumer(t, cfg), issuer.AccessToken().Sign())
	text := fmt.Sprintf("%s", struct{ token *consumer.Token }{token})
	if strings.Contains(text, strings.Trim(fmt.Sprintf("%d", secret[:4]), "[]")) {
		t.Errorf("the secret is shown: %s", text)
	}
}
