package migration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/migration/crossauth"
	"github.com/bearerkit/bearerkit/store"
)

// TestCrossauth measures the column of bearerkit in docs/migrate/crossauth.md. The other column says what a crossauth resource
// server does.
func TestCrossauth(t *testing.T) {
	issuer := newIssuer(t)
	t.Setenv("CROSSAUTH_AUTH_SERVER_BASE_URL", issuer.URL())
	t.Setenv("CROSSAUTH_OAUTH_AUDIENCE", "https://api.example.com")
	t.Setenv("CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN", "true")
	t.Setenv("CROSSAUTH_OAUTH_CLIENT_ID", "orders")
	memory := store.NewMemory(100)
	api, err := crossauth.After(store.PersistedTokens{Storage: memory})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crossauth.NewClient(); err != nil {
		t.Error(err)
	}
	token := func() *bearertest.Token {
		return issuer.AccessToken().SetHeader("typ", bearertest.Absent).Set("client_id", bearertest.Absent).Set("jti", "J1").
			Set("type", "access").Set("scope", []string{"orders:read"})
	}
	if err := memory.Save(t.Context(), store.TokenKey("J1"), store.Entry{Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	rows := []struct{ name, path, before, authorization string }{
		{"a valid access token", "/orders", "200", "Bearer " + token().Sign()},
		{"no token", "/orders", "401, challenge", ""},
		{"`bearer` in lower case", "/orders", "401, challenge", "bearer " + token().Sign()},
		{"without the scope of the endpoint", "/orders", "401", "Bearer " + token().Set("scope", []string{"other"}).Sign()},
		{"below an endpoint with `suburls`", "/reports/2026", "200", "Bearer " + token().Set("scope", []string{"reports:read"}).Sign()},
		{"a path that is not a protected endpoint, no token", "/other", "the handler runs", ""},
		{"a path that is not a protected endpoint, with a token", "/other", "the handler runs", "Bearer " + token().Sign()},
		{"a refresh token (`type`)", "/orders", "401, challenge", "Bearer " + token().Set("type", "refresh").Sign()},
		{"an ID token (`type`)", "/orders", "401, challenge", "Bearer " + token().Set("type", "id").Sign()},
		{"a token that the server has not stored", "/orders", "401, challenge", "Bearer " + token().Set("jti", "J2").Sign()},
		{"several audiences in an array", "/orders", "401, challenge", "Bearer " + token().Set("aud", []string{"https://api.example.com", "other"}).Sign()},
		{"for another audience", "/orders", "401, challenge", "Bearer " + token().Set("aud", "other").Sign()},
		{"expired one minute ago", "/orders", "401, challenge", "Bearer " + token().Set("exp", time.Now().Unix()-60).Sign()},
	}
	var table strings.Builder
	table.WriteString("| request | crossauth 0.0.9 (Python) | bearerkit |\n|---|---|---|\n")
	for _, row := range rows {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, row.path, nil)
		if row.authorization != "" {
			r.Header.Set("Authorization", row.authorization)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		after := fmt.Sprint(w.Code)
		if w.Header().Get("WWW-Authenticate") != "" {
			after += ", challenge"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", row.name, row.before, after)
	}
	checkTable(t, "crossauth", table.String())
}
