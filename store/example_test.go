package store_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

// After a user signs out, all tokens of the session are rejected, including cached ones.
func ExampleDenyList() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	revoked := store.DenyList{Storage: store.NewMemory(100_000)}
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
		Status:     revoked,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	token := issuer.AccessToken().Set("sid", "session-1").Sign()
	ask := func() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	ask()
	if err := revoked.DenySession(context.Background(), issuer.URL(), "session-1", time.Now().Add(time.Hour)); err != nil {
		fmt.Println(err)
	}
	ask()
	// Output:
	// 200
	// 401
}

// TokenKey returns the key that a crossauth server uses for an access token.
func ExampleTokenKey() {
	fmt.Println(store.TokenKey("J1"))
	// Output: access:ST1lDY0V4BsKJYi7VML5HwI1yoMNmSR-TY2OE_Sv5Qo
}
