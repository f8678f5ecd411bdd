package bearertest_test

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

func get(t *testing.T, client *http.Client, url string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

func TestD1_MetadataPaths(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url   string
		paths []string
		jwks  string
	}{
		{"https://issuer.test", []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}, "/jwks"},
		{"https://issuer.test/", []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"}, "/jwks"},
		{"https://issuer.test/tenant", []string{
			"/.well-known/oauth-authorization-server/tenant",
			"/.well-known/openid-configuration/tenant",
			"/tenant/.well-known/openid-configuration",
		}, "/tenant/jwks"},
		{"https://issuer.test/tenant/", []string{
			"/.well-known/oauth-authorization-server/tenant",
			"/tenant/.well-known/openid-configuration",
		}, "/tenant/jwks"},
	}
	for _, test := range tests {
		t.Run(test.url, func(t *testing.T) {
			t.Parallel()
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: test.url})
			want := map[string]int{test.jwks: 1}
			for _, path := range test.paths {
				_, body := get(t, issuer.Client(), "https://issuer.test"+path)
				var metadata struct {
					Issuer  string
					JWKSURI string `json:"jwks_uri"`
				}
				if err := json.Unmarshal(body, &metadata); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if metadata.Issuer != test.url || metadata.JWKSURI != "https://issuer.test"+test.jwks {
					t.Errorf("%s: %+v", path, metadata)
				}
				want[path] = 1
			}
			if _, body := get(t, issuer.Client(), "https://issuer.test"+test.jwks); len(keySet(t, body)) != 1 {
				t.Errorf("key set %s", body)
			}
			if diff := cmp.Diff(want, issuer.Requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMetadataDocument(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		Algorithms: []string{"ES256", "PS256"},
		Metadata:   map[string]any{"token_endpoint": "https://issuer.test/oauth/token", "scopes_supported": []string{"openid"}},
	})
	_, body := get(t, issuer.Client(), issuer.URL()+"/.well-known/openid-configuration")
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"issuer":                                "https://issuer.test",
		"authorization_endpoint":                "https://issuer.test/authorize",
		"token_endpoint":                        "https://issuer.test/oauth/token",
		"jwks_uri":                              "https://issuer.test/jwks",
		"response_types_supported":              []any{"code"},
		"subject_types_supported":               []any{"public"},
		"id_token_signing_alg_values_supported": []any{"ES256", "PS256"},
		"scopes_supported":                      []any{"openid"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestServesNothingElse(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	tests := []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/jwks", 200},
		{http.MethodHead, "/jwks", 200},
		{http.MethodPost, "/jwks", 405},
		{http.MethodGet, "/token", 404},
		{http.MethodGet, "/", 404},
	}
	for _, test := range tests {
		recorder := httptest.NewRecorder()
		issuer.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), test.method, test.path, nil))
		if recorder.Code != test.status {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, recorder.Code, test.status)
		}
		if kind := recorder.Header().Get("Content-Type"); test.status == 200 && kind != "application/json" {
			t.Errorf("%s %s: content type %q", test.method, test.path, kind)
		}
	}
	if diff := cmp.Diff(map[string]int{"/jwks": 3, "": 2}, issuer.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRotationStory(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256", "ES256"}})
	before := issuer.AccessToken()
	_, oldKey := issuer.Key("RS256")

	steps := []struct {
		name      string
		do        func()
		published []string
		signs     string
	}{
		{"at first", func() {}, []string{"rs256-1", "es256-1"}, "rs256-1"},
		{"announced", issuer.Announce, []string{"rs256-1", "es256-1", "rs256-2", "es256-2"}, "rs256-1"},
		{"announced again", issuer.Announce, []string{"rs256-1", "es256-1", "rs256-2", "es256-2"}, "rs256-1"},
		{"rotated", issuer.Rotate, []string{"rs256-1", "es256-1", "rs256-2", "es256-2"}, "rs256-2"},
		{"retired", issuer.Retire, []string{"rs256-2", "es256-2"}, "rs256-2"},
		{"retired again", issuer.Retire, []string{"rs256-2", "es256-2"}, "rs256-2"},
		{"rotated unannounced", issuer.Rotate, []string{"rs256-2", "es256-2", "rs256-3", "es256-3"}, "rs256-3"},
		{"announced once more", issuer.Announce, []string{"rs256-2", "es256-2", "rs256-3", "es256-3", "rs256-4", "es256-4"}, "rs256-3"},
		{"retired while announced", issuer.Retire, []string{"rs256-3", "es256-3", "rs256-4", "es256-4"}, "rs256-3"},
	}
	for _, step := range steps {
		step.do()
		if diff := cmp.Diff(step.published, kids(t, issuer.JWKS())); diff != "" {
			t.Fatalf("%s: published (-want +got):\n%s", step.name, diff)
		}
		token := split(t, issuer.AccessToken().Sign())
		kid, key := issuer.Key("RS256")
		if token.header["kid"] != step.signs || kid != step.signs {
			t.Fatalf("%s: signed under %v, Key says %v, want %s", step.name, token.header["kid"], kid, step.signs)
		}
		if err := verify("RS256", key, token.input, token.signature); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}

	token := split(t, before.Sign())
	if err := verify("RS256", oldKey, token.input, token.signature); err != nil || token.header["kid"] != "rs256-1" {
		t.Errorf("a token made before the rotations: kid %v, %v", token.header["kid"], err)
	}
}

func TestSetJWKS(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	issuer.SetJWKS([]byte("<html>"))
	if _, body := get(t, issuer.Client(), issuer.URL()+"/jwks"); string(body) != "<html>" {
		t.Errorf("published %q", body)
	}
	issuer.SetJWKS([]byte{})
	if status, body := get(t, issuer.Client(), issuer.URL()+"/jwks"); status != 200 || len(body) != 0 {
		t.Errorf("published %d %q, want an empty document", status, body)
	}
	issuer.SetJWKS(nil)
	if got := kids(t, issuer.JWKS()); len(got) != 1 || got[0] != "es256-1" {
		t.Errorf("published %v", got)
	}
}

func TestJWKOfASecretAndOfNothing(t *testing.T) {
	t.Parallel()
	want := map[string]any{"kty": "oct", "use": "sig", "kid": "s", "alg": "HS256", "k": "AQID"}
	if diff := cmp.Diff(want, bearertest.JWK("s", "HS256", []byte{1, 2, 3})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"use": "sig"}, bearertest.JWK("", "", nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIssuersShareNoKey(t *testing.T) {
	t.Parallel()
	const issuers = 12
	seen := make(map[string]int)
	for n := range issuers {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256", "PS256"}})
		for _, alg := range []string{"RS256", "PS256"} {
			_, key := issuer.Key(alg)
			public, ok := key.(*rsa.PublicKey)
			if !ok {
				t.Fatalf("key is a %T", key)
			}
			if public.N.BitLen() != 2048 || public.E != 65537 {
				t.Errorf("issuer %d, %s: %d bits, exponent %d", n, alg, public.N.BitLen(), public.E)
			}
			seen[public.N.String()]++
		}
	}
	if len(seen) != 2*issuers {
		t.Errorf("%d different keys, want %d", len(seen), 2*issuers)
	}
}

func TestClientInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		client := issuer.Client()
		client.Timeout = time.Second
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if status, _ := get(t, client, issuer.URL()+"/jwks"); status != 200 {
					t.Errorf("status %d", status)
				}
			})
		}
		group.Wait()
		if got := issuer.Requests()["/jwks"]; got != 8 {
			t.Errorf("%d requests, want 8", got)
		}
	})
}

func TestClientReachesNobodyElse(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, url := range []string{"http://issuer.test/jwks", "https://other.test/jwks", "https://issuer.test:8443/jwks"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := issuer.Client().Do(request)
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s was reached", url)
		}
	}
	if got := issuer.Requests(); len(got) != 0 {
		t.Errorf("requests %v, want none", got)
	}
}

func TestClientHonoursContext(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer.URL()+"/jwks", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := issuer.Client().Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestOnASocket(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://" + server.Listener.Addr().String()})
	server.Config.Handler = issuer
	server.Start()
	defer server.Close()
	if _, body := get(t, server.Client(), issuer.URL()+"/jwks"); len(keySet(t, body)) != 1 {
		t.Errorf("key set %s", body)
	}
	if issuer.URL() != server.URL {
		t.Errorf("issuer %s is served at %s", issuer.URL(), server.URL)
	}
}

func TestURLThatDoesNotParse(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "://", Metadata: map[string]any{"bad": func() {}}})
	for path, status := range map[string]int{"/jwks": 200, "/.well-known/openid-configuration": 404} {
		recorder := httptest.NewRecorder()
		issuer.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if recorder.Code != status {
			t.Errorf("%s: %d, want %d", path, recorder.Code, status)
		}
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://issuer.test/jwks", nil)
	if response, err := issuer.Client().Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("client reached an issuer without an address")
	}
}

func TestIssuerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256", "EdDSA"}})
	client := issuer.Client()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 8 {
				issuer.Announce()
				issuer.Rotate()
				issuer.Retire()
				issuer.SetJWKS(nil)
				issuer.Requests()
				get(t, client, issuer.URL()+"/jwks")
				if issuer.AccessToken().Algorithm("EdDSA").Sign() == "" {
					t.Error("no token")
				}
			}
		})
	}
	group.Wait()
}
