package providers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

// appleKeys has the key of the team, and another one.
var appleKeys = sync.OnceValue(func() (keys [2]*ecdsa.PrivateKey) {
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// appleWith signs with the key of the team, or with another one for every other secret.
func appleWith(secret string) (*client.Client, error) {
	if secret != clientSecret {
		return appleClient(appleKeys()[1])
	}
	return appleClient(appleKeys()[0])
}

func appleWithSessions(c *client.Client) (*weblogin.App, error) { return appleApp(c, scs.New()) }

// TestAppleProfile checks that the application can read the form field user after the sign-in.
//
//nolint:paralleltest // the tests share the default transport
func TestAppleProfile(t *testing.T) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256"}})
	server := signIns()["Apple"].start(t, issuer)
	c, err := appleWith(clientSecret)
	if err != nil {
		t.Fatal(err)
	}
	sessions := scs.New()
	app, err := appleApp(c, sessions)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", app)
	mux.Handle("/", app.RequireLogin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, sessions.GetString(r.Context(), "profile"))
	})))
	b := newBrowser(mux)
	login := b.send(t, http.MethodGet, "/auth/login", nil, false)
	b.callback(t, server.visit(t, login.Header().Get("Location")), true)
	if got := b.send(t, http.MethodGet, "/", nil, false).Body.String(); got != server.callback["user"] {
		t.Errorf("the profile in the session is %q, want %q", got, server.callback["user"])
	}
}

func appleServer() *script {
	const base = "https://appleid.apple.com/auth/"
	return &script{
		documents: map[string]string{
			"https://appleid.apple.com/.well-known/openid-configuration": document(map[string]any{
				"issuer": "https://appleid.apple.com", "authorization_endpoint": base + "authorize", "token_endpoint": base + "token",
				"revocation_endpoint": base + "revoke", "jwks_uri": base + "keys",
				"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query", "fragment", "form_post"},
				"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid", "email", "name"},
				"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
			}),
		},
		authorize: base + "authorize", token: base + "token", jwks: base + "keys", revoke: base + "revoke",
		iss: "https://appleid.apple.com", clientID: "com.example.shop",
		claims:        map[string]any{"email": "a@mail.example", "email_verified": "true", "is_private_email": "true", "nonce_supported": true},
		authenticates: appleSecret, query: map[string]string{"response_mode": "form_post"},
		callback: map[string]string{"user": `{"name":{"firstName":"A","lastName":"B"},"email":"a@mail.example"}`},
		declined: "user_cancelled_authorize",
		answer: func(i issued) map[string]any {
			members := map[string]any{"access_token": i.access, "token_type": "Bearer", "expires_in": 3600, "id_token": i.idToken}
			if i.grant == "authorization_code" {
				members["refresh_token"] = i.refresh
			}
			return members
		},
		badClient:  failure(http.StatusBadRequest, "invalid_client", ""),
		badCode:    failure(http.StatusBadRequest, "invalid_grant", "The code has expired or has been revoked."),
		badRefresh: failure(http.StatusBadRequest, "invalid_grant", "The token has expired or has been revoked."),
	}
}

// appleSecret checks the JWT that Apple requires as the secret.
func appleSecret(r *http.Request) bool {
	header, claims, input, signature := jwtParts(r.PostForm.Get("client_secret"))
	if len(signature) != 64 || r.PostForm.Get("client_id") != "com.example.shop" || r.Header.Get("Authorization") != "" {
		return false
	}
	hash := sha256.Sum256([]byte(input))
	key := &appleKeys()[0].PublicKey
	verified := ecdsa.Verify(key, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	issued, _ := claims["iat"].(float64)
	expires, _ := claims["exp"].(float64)
	now := float64(time.Now().Unix())
	return verified && header["alg"] == "ES256" && header["kid"] == "KEY1234567" && claims["iss"] == "TEAM123456" &&
		claims["sub"] == "com.example.shop" && claims["aud"] == "https://appleid.apple.com" &&
		issued <= now && now < expires && expires-issued <= 15777000
}

// jwtParts returns the parts of a JWT. They are empty if it is not valid.
func jwtParts(raw string) (header, claims map[string]any, input string, signature []byte) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil, "", nil
	}
	var decoded [3][]byte
	for i, part := range parts {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil, nil, "", nil
		}
		decoded[i] = text
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil {
		return nil, nil, "", nil
	}
	return header, claims, parts[0] + "." + parts[1], decoded[2]
}
