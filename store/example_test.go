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

// A user signs out: all tokens of the session end with it, remembered or not.
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

// The key of an access token in the table of a crossauth server.
func ExampleTokenKey() {
	fmt.Println(store.TokenKey("J1"))
	// Output: access:ST1lDY0V4BsKJYi7VML5HwI1yoMNmSR-TY2OE_Sv5Qo
}
