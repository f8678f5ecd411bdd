package providers

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
)

const (
	entraTenant = "00000000-0000-0000-0000-000000000001"
	entraID     = "00000000-0000-0000-0000-000000000003"
	entraBase   = "https://login.microsoftonline.com/" + entraTenant + "/"
)

// credential is a key with its certificate.
type credential struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

// entraKeys has the key whose certificate was uploaded, and another one.
var entraKeys = sync.OnceValue(func() (keys [2]credential) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: "shop"},
			NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		}
		raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			panic(err)
		}
		certificate, err := x509.ParseCertificate(raw)
		if err != nil {
			panic(err)
		}
		keys[i] = credential{key, certificate}
	}
	return keys
})

// entraWith signs with the uploaded certificate, or with another one for every other secret.
func entraWith(secret string) (*client.Client, error) {
	c := entraKeys()[0]
	if secret != clientSecret {
		c = entraKeys()[1]
	}
	return entraClient(c.key, c.certificate)
}

func entraServer() *script {
	return &script{
		documents: map[string]string{
			entraBase + "v2.0/.well-known/openid-configuration": document(entraMetadata(entraBase + "v2.0")),
		},
		authorize: entraBase + "oauth2/v2.0/authorize", token: entraBase + "oauth2/v2.0/token",
		jwks: entraBase + "discovery/v2.0/keys", logout: entraBase + "oauth2/v2.0/logout",
		api: "https://graph.microsoft.com/v1.0/me", iss: entraBase + "v2.0", clientID: entraID,
		claims:        map[string]any{"tid": entraTenant, "oid": "00000000-0000-0000-0000-000000000004", "ver": "2.0"},
		authenticates: entraAssertion, rotates: true,
		callback: map[string]string{"session_state": "00000000-0000-0000-0000-000000000007"},
		answer: func(i issued) map[string]any {
			return map[string]any{
				"token_type": "Bearer", "scope": "openid profile User.Read", "expires_in": 3599, "ext_expires_in": 3599,
				"access_token": i.access, "refresh_token": i.refresh, "id_token": i.idToken,
			}
		},
		badClient: aadsts(http.StatusUnauthorized, "invalid_client", "AADSTS700027: The certificate with identifier used to sign the "+
			"client assertion is not registered on application."),
		badCode: aadsts(http.StatusBadRequest, "invalid_grant", "AADSTS70008: The provided authorization code or refresh token has "+
			"expired due to inactivity."),
		badRefresh: aadsts(http.StatusBadRequest, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity."),
		badToken: reply{
			status: http.StatusUnauthorized, body: `{"error":{"code":"InvalidAuthenticationToken"}}`, header: http.Header{
				"Www-Authenticate": {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"`},
			},
		},
	}
}

func entraMetadata(issuer string) map[string]any {
	return map[string]any{
		"issuer": issuer, "authorization_endpoint": entraBase + "oauth2/v2.0/authorize",
		"token_endpoint":          entraBase + "oauth2/v2.0/token",
		"jwks_uri":                entraBase + "discovery/v2.0/keys",
		"end_session_endpoint":    entraBase + "oauth2/v2.0/logout",
		"userinfo_endpoint":       "https://graph.microsoft.com/oidc/userinfo",
		"subject_types_supported": []string{"pairwise"}, "response_modes_supported": []string{"query", "fragment", "form_post"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
	}
}

// aadsts returns an error response with the additional members and the line ends of Microsoft Entra.
func aadsts(status int, code, description string) reply {
	return reply{status: status, body: document(map[string]any{
		"error": code, "error_codes": []int{700027}, "timestamp": "2026-01-01 00:00:00Z",
		"error_description": description + "\r\nTrace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333\r\nTimestamp: 2026-01-01 00:00:00Z",
		"trace_id":          "0000aaaa-11bb-cccc-dd22-eeeeee333333", "correlation_id": "aaaa0000-bb11-2222-33cc-444444dddddd",
	})}
}

// entraAssertion checks a client assertion that is signed with the uploaded certificate.
func entraAssertion(r *http.Request) bool {
	header, claims, input, signature := jwtParts(r.PostForm.Get("client_assertion"))
	uploaded := entraKeys()[0]
	thumbprint := sha256.Sum256(uploaded.certificate.Raw)
	hash := sha256.Sum256([]byte(input))
	err := rsa.VerifyPSS(&uploaded.key.PublicKey, crypto.SHA256, hash[:], signature, nil)
	expires, _ := claims["exp"].(float64)
	return err == nil && header["alg"] == "PS256" && header["x5t#S256"] == base64.RawURLEncoding.EncodeToString(thumbprint[:]) &&
		r.PostForm.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" &&
		claims["iss"] == entraID && claims["sub"] == entraID && claims["jti"] != nil &&
		claims["aud"] == entraBase+"oauth2/v2.0/token" && float64(time.Now().Unix()) < expires
}

// entraWorkload runs a program that authenticates with the assertion in a file, which the platform replaces.
func entraWorkload(t *testing.T, issuer *bearertest.Issuer) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := entraServer()
		server.issuer, server.iss = issuer, ""
		valid := ""
		server.authenticates = func(r *http.Request) bool {
			return r.PostForm.Get("client_assertion") == valid && r.PostForm.Get("client_id") == entraID
		}
		server.answer = func(i issued) map[string]any {
			return map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": i.access}
		}
		server.badClient = aadsts(http.StatusUnauthorized, "invalid_client",
			"AADSTS700024: Client assertion is not within its valid time range.")
		server.api, server.badToken = "https://api.example.com/orders", ownAPI
		internet.script.Store(server)
		defer internet.script.Store(nil)

		file := filepath.Join(t.TempDir(), "token")
		replace := func(number string) string {
			raw := issuer.Token("JWT", map[string]any{"jti": number}).Algorithm("RS256").Sign()
			if err := os.WriteFile(file, []byte(raw+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return raw
		}
		c, err := entraWorkloadClient(file)
		if err != nil {
			t.Fatal(err)
		}
		api, err := c.HTTPClient("https://api.example.com")
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range []string{"1", "2"} {
			valid = replace(number)
			if status := get(t, api, server.api); status != http.StatusOK {
				t.Errorf("the API responds with %d, want 200", status)
			}
			time.Sleep(2 * time.Hour)
		}
		if got := server.forms[0].Get("scope"); server.count != 2 || got != "api://00000000-0000-0000-0000-000000000002/.default" {
			t.Errorf("the server issued %d tokens, the first one for the scope %q", server.count, got)
		}
		valid = "the assertion in the file is too old"
		_, err = c.ClientCredentials(t.Context())
		if !errors.Is(err, client.ErrInvalidClient) || !strings.Contains(err.Error(), "AADSTS700024") {
			t.Errorf("the error is %v, want the one of the server", err)
		}
	})
}

// entraTenantsServer signs in a user of one tenant at the endpoints for all organizations.
func entraTenantsServer() *script {
	const base = "https://login.microsoftonline.com/organizations/"
	s := entraServer()
	metadata := entraMetadata("https://login.microsoftonline.com/{tenantid}/v2.0")
	metadata["authorization_endpoint"], metadata["token_endpoint"] = base+"oauth2/v2.0/authorize", base+"oauth2/v2.0/token"
	metadata["jwks_uri"], metadata["end_session_endpoint"] = base+"discovery/v2.0/keys", base+"oauth2/v2.0/logout"
	s.documents = map[string]string{base + "v2.0/.well-known/openid-configuration": document(metadata)}
	s.authorize, s.token = base+"oauth2/v2.0/authorize", base+"oauth2/v2.0/token"
	s.jwks, s.logout = base+"discovery/v2.0/keys", base+"oauth2/v2.0/logout"
	s.authenticates = either(basic, post)(entraID, clientSecret)
	s.badClient = aadsts(http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
	return s
}

// TestEntraTenants checks which issuers and tenants the configuration for several tenants accepts.
//
//nolint:paralleltest,tparallel // the tests share the default transport
func TestEntraTenants(t *testing.T) {
	const first, second, other = entraTenant, "00000000-0000-0000-0000-000000000005", "00000000-0000-0000-0000-000000000009"
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256"}})
	for name, test := range map[string]struct {
		issuer, tenant any
		isAccepted     bool
	}{
		"the first tenant":                    {first, first, true},
		"the second tenant":                   {second, second, true},
		"another tenant":                      {other, other, false},
		"the tid of an accepted tenant":       {other, first, false},
		"the issuer of an accepted tenant":    {first, other, false},
		"an accepted tenant in place of ours": {first, second, false},
		"no tid":                              {first, nil, false},
		"the issuer of all organizations":     {"organizations", first, false},
		"the template":                        {"{tenantid}", first, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := entraTenantsClient(clientSecret)
			if err != nil {
				t.Fatal(err)
			}
			server := signIns()["Microsoft Entra, several tenants"].start(t, issuer)
			server.claims["iss"] = fmt.Sprintf("https://login.microsoftonline.com/%s/v2.0", test.issuer)
			server.claims["tid"] = test.tenant
			pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
			if err != nil {
				t.Fatal(err)
			}
			token, err := c.Callback(t.Context(), pending, server.visit(t, pending.URL))
			switch {
			case test.isAccepted && (err != nil || token.IDClaims.Issuer() != server.claims["iss"]):
				t.Errorf("the user is not signed in: %v", err)
			case !test.isAccepted && !errors.Is(err, consumer.ErrInvalidToken):
				t.Errorf("the ID token is not rejected: %v", err)
			}
		})
	}
}
