package client_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

func TestC17_SubjectOfAnIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for subject, ok := range map[any]bool{
		strings.Repeat("s", 255): true, strings.Repeat("s", 256): false, "": false, 7: false, nil: false, bearertest.Absent: false,
	} {
		_, err := p.client(t, nil).VerifyIDToken(t.Context(), p.idToken().Set("sub", subject).Sign(), client.IDTokenOptions{})
		if (err == nil) != ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%.10v: %v", subject, err)
		}
	}
	_, err := p.client(t, nil).VerifyIDToken(t.Context(), p.idToken().Sign(), client.IDTokenOptions{Subject: "bob"})
	if !errors.Is(err, consumer.ErrInvalidToken) {
		t.Error(err)
	}
}

func TestC17_PartiesOfAnIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for name, test := range map[string]struct {
		audience, party any
		extra           []string
		ok              bool
	}{
		"one":                        {"app", bearertest.Absent, nil, true},
		"one, in a list":             {[]string{"app"}, "app", nil, true},
		"twice the same":             {[]string{"app", "app"}, bearertest.Absent, nil, true},
		"one known beside it":        {[]string{"api", "app"}, "app", []string{"api"}, true},
		"one known, one not":         {[]string{"api", "app", "x"}, "app", []string{"api"}, false},
		"known, no azp":              {[]string{"api", "app"}, bearertest.Absent, []string{"api"}, true},
		"not known, no azp":          {[]string{"api", "app"}, bearertest.Absent, nil, false},
		"known, azp of the other":    {[]string{"api", "app"}, "api", []string{"api"}, false},
		"nobody but this client":     {[]string{"api", "app"}, "app", []string{}, false},
		"only the other":             {"api", "app", []string{"api"}, false},
		"empty azp":                  {"app", "", nil, false},
		"azp is null":                {"app", nil, nil, false},
		"no audience":                {bearertest.Absent, "app", nil, false},
		"audience is a list of more": {[]any{"app", 7}, "app", nil, false},
	} {
		c := p.client(t, func(cfg *client.Config) { cfg.ExtraAudiences = test.extra })
		_, err := c.VerifyIDToken(t.Context(), p.idToken().Set("aud", test.audience).Set("azp", test.party).Sign(), client.IDTokenOptions{})
		if (err == nil) != test.ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestC17_AuthTimeIsATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		now := time.Now().Unix()
		for _, test := range []struct {
			at any
			ok bool
		}{
			{now, true},
			{now - 70, true},
			{now - 71, false},
			{now + 10, true},
			{now + 11, false},
			{float64(now) + 0.5, true},
			{1e300, false},
			{-1e300, false},
			{0, false},
			{fmt.Sprint(now), false},
			{nil, false},
		} {
			_, err := p.client(t, nil).VerifyIDToken(t.Context(), p.idToken().Set("auth_time", test.at).Sign(), client.IDTokenOptions{MaxAge: time.Minute})
			if (err == nil) != test.ok {
				t.Errorf("%v at %d: %v", test.at, now, err)
			}
		}
	})
}

func TestC17_EncryptedTokensHaveTheirOwnError(t *testing.T) {
	t.Parallel()
	p := newProvider()
	inner := p.idToken().Sign()
	nested := p.idToken().SetHeader("cty", "JWT").EditClaims(func([]byte) []byte { return []byte(inner) }).Sign()
	for name, raw := range map[string]string{"encrypted": "a.b.c.d.e", "nested": nested, "empty": "", "huge": strings.Repeat("a", 70<<10)} {
		_, err := p.client(t, nil).VerifyIDToken(t.Context(), raw, client.IDTokenOptions{})
		if !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Contains(err.Error(), "encrypted"); got != (name == "encrypted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The client secret is the key, under any kid. A public key never is.
func TestC17_C20_SecretAndKid(t *testing.T) {
	t.Parallel()
	p := newProvider()
	secret := strings.Repeat("s", 64)
	c := p.client(t, func(cfg *client.Config) {
		cfg.Keys, cfg.ClientSecret, cfg.Algorithms = nil, secret, []string{"HS256", "HS512"}
	})
	for name, test := range map[string]struct {
		token *bearertest.Token
		ok    bool
	}{
		"kid":            {p.idToken().SignWith("HS256", []byte(secret)), true},
		"no kid":         {p.idToken().SignWith("HS512", []byte(secret)).SetHeader("kid", bearertest.Absent), true},
		"another secret": {p.idToken().SignWith("HS256", []byte(strings.Repeat("t", 64))), false},
		"the JWKS":       {p.idToken().SignWith("HS256", p.issuer.JWKS()), false},
		"not listed":     {p.idToken().SignWith("HS384", []byte(secret)), false},
		"public key":     {p.idToken(), false},
		"none":           {p.idToken().SignWith("none", nil), false},
	} {
		if _, err := c.VerifyIDToken(t.Context(), test.token.Sign(), client.IDTokenOptions{}); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.client(t, nil).VerifyIDToken(t.Context(), p.idToken().SignWith("HS256", p.issuer.PEM("ES256")).Sign(), client.IDTokenOptions{}); err == nil {
		t.Error("a public key was used as a secret")
	}
}

// The metadata lists the algorithms for each kind of JWT. Without a list, it is RS256.
func TestC17_C16_C21_AlgorithmsOfTheMetadata(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: "app", Algorithms: []string{"ES256", "RS256"}})
	for _, offered := range [][]string{nil, {"none", "HS256"}, {"RS256"}, {"ES256", "none"}} {
		for _, alg := range []string{"ES256", "RS256"} {
			p := newProviderLike(p)
			jwt := func(claims map[string]any) string {
				token := p.idToken().Algorithm(alg).Set("iat", bearertest.Absent)
				for name, value := range claims {
					token.Set(name, value)
				}
				return token.Sign()
			}
			p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
				switch r.URL.Path {
				case "/jwks":
					return written(200, string(p.issuer.JWKS()), nil)
				case "/me":
					return written(200, jwt(nil), map[string]string{"Content-Type": "application/jwt"})
				}
				return written(200, good, nil)
			}
			clientOf := func(change func(*oidcdiscovery.Metadata)) *client.Client {
				return p.client(t, func(cfg *client.Config) {
					cfg.Keys, cfg.Scopes = nil, []string{"api"}
					change(cfg.Metadata)
				})
			}
			ok := slices.Contains(offered, alg) || alg == "RS256" && !slices.Contains(offered, "ES256")
			c := clientOf(func(m *oidcdiscovery.Metadata) { m.IDTokenSigningAlgValuesSupported = offered })
			if _, err := c.VerifyIDToken(t.Context(), jwt(map[string]any{"iat": time.Now().Unix()}), client.IDTokenOptions{}); (err == nil) != ok {
				t.Errorf("%v: ID token by %s: %v", offered, alg, err)
			}
			c = clientOf(func(m *oidcdiscovery.Metadata) { m.UserinfoSigningAlgValuesSupported = offered })
			if _, err := c.UserInfo(t.Context(), "at", "alice"); (err == nil) != ok {
				t.Errorf("%v: user information by %s: %v", offered, alg, err)
			}
			c = clientOf(func(m *oidcdiscovery.Metadata) { m.AuthorizationSigningAlgValuesSupported = offered })
			pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "jwt"})
			response := jwt(map[string]any{"sub": bearertest.Absent, "state": pending.State, "code": "c"})
			if _, err := c.Callback(t.Context(), pending, url.Values{"response": {response}}); (err == nil) != ok {
				t.Errorf("%v: response by %s: %v", offered, alg, err)
			}
		}
	}
	for _, mixed := range [][]string{{"RS256", "HS256"}, {"HS256", "RS256"}} {
		cfg := client.Config{Issuer: issuerURL, ClientID: "app", ClientSecret: strings.Repeat("s", 32), Algorithms: mixed}
		if _, err := client.New(cfg); err == nil {
			t.Errorf("%v: accepted", mixed)
		}
	}
}

// EdDSA and Ed25519 name the same algorithm, whichever of them the metadata lists.
func TestCaseJ10_MetadataListsTheOtherName(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"EdDSA", "Ed25519"} {
		for offered, ok := range map[string]bool{"EdDSA": true, "Ed25519": true, "ES256": false} {
			p := newProvider()
			p.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: "app", Algorithms: []string{alg}})
			p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
				return written(200, string(p.issuer.JWKS()), nil)
			}
			c := p.client(t, func(cfg *client.Config) {
				cfg.Keys, cfg.Metadata.IDTokenSigningAlgValuesSupported = nil, []string{offered}
			})
			raw := p.idToken().Algorithm(alg).Sign()
			if _, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{}); (err == nil) != ok {
				t.Errorf("%s with %s in the metadata: %v", alg, offered, err)
			}
		}
	}
}

// With a source of jwks.Join, a server may sign with the client secret and with published keys while it changes.
func TestCaseT17_SecretAndPublicKeys(t *testing.T) {
	t.Parallel()
	p := newProvider()
	secret := strings.Repeat("s", 32)
	hmac, err := jwks.Secret([]byte(secret), "HS256")
	if err != nil {
		t.Fatal(err)
	}
	public, err := jwks.ParseJWKS(p.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c := p.client(t, func(cfg *client.Config) {
		cfg.Keys, cfg.Algorithms = jwks.Join(hmac, public), []string{"ES256", "HS256"}
	})
	for _, raw := range []string{p.idToken().Sign(), p.idToken().SignWith("HS256", []byte(secret)).Sign()} {
		if _, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{}); err != nil {
			t.Error(err)
		}
	}
	forged := p.idToken().SignWith("HS256", p.issuer.PEM("ES256")).Sign()
	if _, err := c.VerifyIDToken(t.Context(), forged, client.IDTokenOptions{}); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Errorf("a public key as the secret: %v", err)
	}
	for name, keys := range map[string]jwks.Source{"secret": hmac, "public": public, "joined public": jwks.Join(public)} {
		cfg := client.Config{Issuer: issuerURL, ClientID: "app", AuthMethod: client.AuthNone, Keys: keys, Algorithms: []string{"ES256", "HS256"}}
		if _, err := client.New(cfg); err == nil {
			t.Errorf("%s keys: both kinds of algorithms are accepted", name)
		}
	}
}

// at_hash and c_hash use the hash function of the signature algorithm.
func TestC18_HashFollowsTheAlgorithm(t *testing.T) {
	t.Parallel()
	sums := map[string]func(string) []byte{
		"256": func(s string) []byte { sum := sha256.Sum256([]byte(s)); return sum[:16] },
		"384": func(s string) []byte { sum := sha512.Sum384([]byte(s)); return sum[:24] },
		"512": func(s string) []byte { sum := sha512.Sum512([]byte(s)); return sum[:32] },
	}
	for alg, size := range map[string]string{
		"RS256": "256", "PS384": "384", "RS512": "512", "ES256": "256", "ES384": "384", "ES512": "512", "EdDSA": "512", "Ed25519": "512",
	} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			p.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: "app", Algorithms: []string{alg}})
			c := p.client(t, func(cfg *client.Config) { cfg.Algorithms = []string{alg} })
			for name, sum := range sums {
				hash := base64.RawURLEncoding.EncodeToString(sum("value"))
				for _, o := range []client.IDTokenOptions{{AccessToken: "value"}, {Code: "value"}} {
					_, err := c.VerifyIDToken(t.Context(), p.idToken().Set("at_hash", hash).Set("c_hash", hash).Sign(), o)
					if (err == nil) != (name == size) {
						t.Errorf("SHA-%s: %v", name, err)
					}
				}
			}
			for _, bad := range []any{"", nil, 7, base64.RawURLEncoding.EncodeToString(sums[size]("value")) + "="} {
				if _, err := c.VerifyIDToken(t.Context(), p.idToken().Set("at_hash", bad).Sign(), client.IDTokenOptions{AccessToken: "value"}); err == nil {
					t.Errorf("%v: accepted", bad)
				}
			}
		})
	}
}

func TestC19_RefreshedIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	now := time.Now().Unix()
	before := func() *bearertest.Token {
		return p.idToken().Set("auth_time", now-100).Set("iat", now-50).Set("nonce", "n").Set("azp", "app").Set("aud", []string{"app", "api"})
	}
	for name, test := range map[string]struct {
		before, after *bearertest.Token
		ok            bool
	}{
		"the same":           {before(), before(), true},
		"newer, no nonce":    {before(), before().Set("iat", now).Set("nonce", bearertest.Absent), true},
		"order of audiences": {before(), before().Set("aud", []string{"api", "app"}), true},
		"one in a list":      {p.idToken(), p.idToken().Set("aud", []string{"app"}), true},
		"auth_time gone":     {before(), before().Set("auth_time", bearertest.Absent), true},
		"auth_time is new":   {before().Set("auth_time", bearertest.Absent), before(), true},
		"signed in again":    {before(), before().Set("auth_time", now), false},
		"another user":       {before(), before().Set("sub", "mallory"), false},
		"fewer audiences":    {before(), before().Set("aud", "app"), false},
		"more audiences":     {p.idToken(), before(), false},
		"azp appears":        {p.idToken(), p.idToken().Set("azp", "app"), false},
		"azp gone":           {p.idToken().Set("azp", "app"), p.idToken(), false},
		"another nonce":      {before(), before().Set("nonce", "m"), false},
		"nonce appears":      {p.idToken(), p.idToken().Set("nonce", "n"), false},
		"older":              {before(), before().Set("iat", now-60), false},
		"one that looks alike": {
			p.idToken().Set("nonce", "a b"), p.idToken().Set("nonce", []string{"a", "b"}), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProviderLike(p)
			p.answersToken(test.after.Sign())
			last := &client.Token{AccessToken: "at0", TokenType: "Bearer", RefreshToken: "rt0", IDToken: test.before.Sign()}
			source := sourceOf(t, p.client(t, nil), client.TokenSourceConfig{Token: last})
			_, err := source.Refresh(t.Context())
			if (err == nil) != test.ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
				t.Error(err)
			}
			if incomplete, ok := errors.AsType[*client.IncompleteError](err); err != nil && (!ok || incomplete.Token.RefreshToken != "rt") {
				t.Error("the error does not contain the token")
			}
		})
	}
}

// However many JWTs have unknown keys, the key set is fetched rarely, and once for all of them.
func TestC20_UnknownKeysAreFetchedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t, func(cfg *client.Config) { cfg.Keys = nil })
		p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(200, string(p.issuer.JWKS()), nil)
		}
		verify := func(raw string) error {
			_, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{})
			return err
		}
		if err := verify(p.idToken().Sign()); err != nil {
			t.Fatal(err)
		}
		p.issuer.Rotate()
		time.Sleep(time.Hour / 2)
		rotated := p.idToken().Sign()
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				if err := verify(rotated); err != nil {
					t.Error(err)
				}
				if err := verify(p.idToken().SetHeader("kid", fmt.Sprint(n)).Sign()); !errors.Is(err, consumer.ErrInvalidToken) {
					t.Error(err)
				}
				if _, err := c.VerifyLogoutToken(t.Context(), p.idToken().SetHeader("kid", fmt.Sprint(n)).Sign()); err == nil {
					t.Error("an unknown key is accepted")
				}
			})
		}
		all.Wait()
		if n := len(p.requests); n > 5 { // the first one, one for the age of the keys, and a burst of three
			t.Errorf("%d requests for keys", n)
		}
	})
}

// Without a kid, the keys that serve the algorithm are tried, at most 4.
func TestC20_NoKid(t *testing.T) {
	t.Parallel()
	p := newProvider()
	raw := p.idToken().SetHeader("kid", bearertest.Absent).Sign()
	one, err := jwks.ParseJWKS(p.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	var others jwks.Static
	for n := range 5 {
		others = append(others, jwks.Key{ID: fmt.Sprint("other", n), Algorithm: "ES256", Public: ecKey(t).Public()})
	}
	for n := range 6 {
		keys := append(slices.Clone(others[:n]), one...)
		c := p.client(t, func(cfg *client.Config) { cfg.Keys = keys })
		if _, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{}); (err == nil) != (n < 4) {
			t.Errorf("%d other keys: %v", n, err)
		}
	}
}

// No kind of JWT is accepted as another one, although one key signs all of them.
func TestC17_C31_OtherKindsOfJWTAreRejected(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	for name, raw := range map[string]string{
		"logout token": p.logoutToken(nil), "response": p.jwt(map[string]any{"code": "c", "state": "s"}),
		"access token": p.issuer.AccessToken().Set("aud", "app").Sign(),
		"user info":    p.jwt(map[string]any{"sub": "alice", "exp": bearertest.Absent}),
	} {
		if _, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{}); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s as an ID token: %v", name, err)
		}
		if _, err := c.VerifyLogoutToken(t.Context(), raw); (err == nil) != (name == "logout token") {
			t.Errorf("%s as a logout token: %v", name, err)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	pkce := client.PKCE{Verifier: "secret-1", Challenge: "secret-1", Method: "plain"}
	token := p.idToken().Set("email", "secret@mail").Sign()
	id, err := c.VerifyIDToken(t.Context(), token, client.IDTokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, kept := strings.Repeat("k", 32), cookies(t, "k")
	pending := &client.PendingAuthorization{State: "secret-2", Nonce: "secret-3", CodeVerifier: "secret-4", URL: "secret-5"}
	memory := client.NewPendingMemory(1)
	if err := memory.Put(t.Context(), "secret-6", pending); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		pkce,
		&pkce,
		id,
		*id,
		pending,
		*pending,
		memory,
		kept,
		*kept,
		client.IDTokenOptions{Nonce: "secret", AccessToken: "secret", Code: "secret"},
		client.CodeExchange{CodeVerifier: "secret", IDToken: client.IDTokenOptions{Nonce: "secret"}},
		client.LogoutOptions{IDTokenHint: "secret"},
		client.AuthorizationOptions{IDTokenHint: "secret", LoginHint: "secret"},
	} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "", slog.Any("v", v))
		for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v), fmt.Sprint([]any{v}), log.String()} {
			if strings.Contains(text, "secret") || strings.Contains(text, key) || strings.Contains(text, "1802201963") { // "kkkk"
				t.Errorf("%T: %s", v, text)
			}
		}
	}
}
