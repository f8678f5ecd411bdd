package benchmarks_test

import (
	"context"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// goOIDC is set up by provider discovery, with the audience as client id. It supports only public keys.
func goOIDC() peer {
	return peer{
		name:     "go-oidc",
		modules:  []string{"github.com/coreos/go-oidc/v3"},
		without:  []string{"HS256"},
		attempts: verifying(goOIDCVerify),
		keySet:   true,
	}
}

func goOIDCVerify(tb testing.TB, t trust) verify {
	provider := must(oidc.NewProvider(tb.Context(), t.issuer))(tb)
	verifier := provider.Verifier(&oidc.Config{ClientID: t.audience})
	return func(ctx context.Context, raw string) error {
		_, err := verifier.Verify(ctx, raw)
		return err
	}
}
