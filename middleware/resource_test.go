package middleware_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestResource(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"a"}, HTTPClient: issuer.Client()})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	if got := guard.Resource(); got != "" {
		t.Errorf("without a resource: %q", got)
	}
	if err := guard.Replace(middleware.Config{Verifier: verifier, Resource: "https://api.test/v1"}); err != nil {
		t.Fatal(err)
	}
	if got := guard.Resource(); got != "https://api.test/v1" {
		t.Errorf("after Replace: %q", got)
	}
}
