package middleware_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// Allows returns true if Apply returns nil. It neither logs nor calls OnDecision.
func TestAllows(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	refusals := 0
	guard := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), OnDecision: func(_ context.Context, d middleware.Decision) {
		if d.Status != http.StatusOK {
			refusals++
		}
	}})
	admitted, err := guard.Authenticate(request(t, issuer.AccessToken().Set("scope", "orders:read").Sign()))
	if err != nil {
		t.Fatal(err)
	}
	refusals = 0
	for name, test := range map[string]struct {
		ctx  context.Context //nolint:containedctx // the argument of the call
		rule middleware.Rule
		want bool
	}{
		"met":      {admitted.Context(), middleware.Scopes("orders:read"), true},
		"not met":  {admitted.Context(), middleware.Scopes("orders:write"), false},
		"invalid":  {admitted.Context(), middleware.Rule{}, false},
		"no token": {t.Context(), middleware.Scopes("orders:read"), false},
	} {
		if got := middleware.Allows(test.ctx, test.rule); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !middleware.Allows(admitted.Context()) || middleware.Allows(t.Context()) {
		t.Error("without rules, a token is required, and suffices")
	}
	if refusals != 0 {
		t.Errorf("reported %d refusals", refusals)
	}
}
