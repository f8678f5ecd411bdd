package benchmarks_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// zitadel is set up with its access token verifier and its remote key set, which supports only public keys.
func zitadel() peer {
	return peer{
		name:     "zitadel",
		modules:  []string{"github.com/zitadel/oidc/v3"},
		without:  []string{"HS256"},
		attempts: verifying(zitadelVerify),
		keySet:   true,
	}
}

func zitadelVerify(_ testing.TB, t trust) verify {
	keys := rp.NewRemoteKeySet(http.DefaultClient, t.jwksURI)
	v := op.NewAccessTokenVerifier(t.issuer, keys, op.WithSupportedAccessTokenSigningAlgorithms(t.alg))
	return func(ctx context.Context, raw string) error {
		_, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](ctx, raw, v)
		return err
	}
}
