package jwks_test

import (
	"context"
	"crypto/elliptic"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// A fault of one document, or an endpoint that fails for one key, does not affect the other keys.
func TestCaseJ1_OneBadDocumentOfAPEMEndpoint(t *testing.T) {
	t.Parallel()
	weak := pemText(t, weakRSA())
	for name, tt := range map[string]struct {
		response func() *http.Response
		remains  bool // the key that cannot be fetched or used, until it is too old
		unusable int  // 1: the document is reported
	}{
		"HTML with status 200": {func() *http.Response { return response(200, "<html>moved</html>") }, true, 1},
		"empty document":       {func() *http.Response { return response(200, "") }, true, 1},
		"two keys":             {func() *http.Response { return response(200, pemText(t, p256())+pemText(t, otherEC())) }, true, 1},
		"weak key":             {func() *http.Response { return response(200, weak) }, true, 1},
		"unknown":              {func() *http.Response { return response(404, "") }, false, 0},
		"server error":         {func() *http.Response { return response(503, "") }, true, 0},
		"redirect":             {func() *http.Response { return response(302, "", "Location", "/other") }, true, 0},
		"long document":        {func() *http.Response { return response(200, strings.Repeat("x", 17<<10)) }, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newPEMServer(t, map[string]any{kidA: p256(), kidB: otherEC(), "rsa": rsaKey()})
				var last jwks.Refresh
				unusable := 0
				e := s.endpoint(t, jwks.PEMEndpointConfig{OnRefresh: func(_ context.Context, r jwks.Refresh) {
					last = r
					unusable += len(r.Unusable)
				}})
				wantKey(t, e, kidA, "ES256", p256())
				wantKey(t, e, kidB, "ES256", otherEC())
				s.answers(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, kidA) {
						return tt.response(), nil
					}
					return response(200, s.text(r)), nil
				})
				pass(time.Hour)
				wantKey(t, e, "rsa", "RS256", rsaKey()) // a new key can be added
				wantKey(t, e, kidB, "ES256", otherEC())
				synctest.Wait()
				if last.Err != nil || min(unusable, 1) != tt.unusable {
					t.Errorf("OnRefresh: %+v and %d unusable documents, want %d", last, unusable, tt.unusable)
				}
				if !tt.remains {
					wantNoKey(t, e, kidA, "ES256", jwks.ErrKeyNotFound)
					return
				}
				wantKey(t, e, kidA, "ES256", p256())
				for range 22 {
					pass(time.Hour)
					wantKey(t, e, kidB, "ES256", otherEC())
				}
				wantKey(t, e, kidA, "ES256", p256())
				s.isDown()
				pass(2 * time.Hour)
				wantKey(t, e, kidB, "ES256", otherEC())
				wantNoKey(t, e, kidA, "ES256", jwks.ErrKeyNotFound) // it is older than StaleFor
			})
		})
	}
}

// text returns the document that r requests.
func (s *pemServer) text(r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pems[strings.TrimPrefix(r.URL.String(), pemURL+"/")]
}

// A new key under the same kid is found when a signature fails, and forged signatures cause no flood of requests.
func TestCaseJ8_ReplacedKeyOfAPEMEndpoint(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(jwks.Source) jwks.Source{
		"alone": func(s jwks.Source) jwks.Source { return s },
		"joined": func(s jwks.Source) jwks.Source {
			return jwks.Join(jwks.Static{{ID: "other", Public: rsaKey()}}, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newPEMServer(t, map[string]any{kidA: p256()})
				e := wrap(s.endpoint(t, jwks.PEMEndpointConfig{}))
				wantKey(t, e, kidA, "ES256", p256())
				wantKeysAfter(t, e, kidA, "ES256", []any{p256()})
				before := s.count()
				for range 1000 { // forged signatures
					wantKeysAfter(t, e, kidA, "ES256", []any{p256()})
				}
				wantFetches(t, &s.issuer, before)
				s.publish(kidA, pemText(t, otherEC()))
				pass(10 * time.Second)
				wantKeysAfter(t, e, kidA, "ES256", []any{p256()}, otherEC())
				wantKey(t, e, kidA, "ES256", otherEC())
				s.publish(kidA, pemText(t, rsaKey())) // another type
				pass(10 * time.Second)
				wantKey(t, e, kidA, "RS256", rsaKey())
				wantKeysAfter(t, e, "../"+kidA, "RS256", []any{rsaKey()})
				wantKeysAfter(t, e, kidA, "HS256", []any{rsaKey()})
			})
		})
	}
}

// Keys of others at the same endpoint, which anybody can name, do not take the places of keys that verify tokens.
func TestPEMEndpoint_ForeignKeysDoNotTakeAllPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		own := newEC(elliptic.P256())
		s := newPEMServer(t, map[string]any{"own": own, "next": otherEC()})
		for n := range 20 {
			s.publish(fmt.Sprint("foreign", n), pemText(t, p256()))
		}
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		source := jwks.Join(e)
		flood := func() { // all of them are in use all the time
			for n := range 20 {
				_, _ = source.Keys(t.Context(), fmt.Sprint("foreign", n), "ES256")
			}
			pass(10 * time.Second)
		}
		for range 20 {
			flood()
		}
		wantKey(t, source, "own", "ES256", own)
		confirm, ok := source.(interface{ Confirm(key jwks.Key) })
		if !ok {
			t.Fatal("no Confirm")
		}
		confirm.Confirm(jwks.Key{ID: "own", Public: own})
		confirm.Confirm(jwks.Key{ID: "foreign0", Public: own}) // another key
		for range 20 {
			flood()
		}
		before := s.count()
		wantKey(t, source, "own", "ES256", own)
		wantFetches(t, &s.issuer, before)
		pass(time.Minute)
		wantKey(t, source, "next", "ES256", otherEC())
		wantKey(t, source, "own", "ES256", own)
	})
}

// The error of a redirect names the field that takes the new location.
func TestCaseJ11_RedirectOfAPEMEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, nil)
		s.says(http.StatusMovedPermanently, "", "Location", "https://new.example/pem/"+kidA+"?secret")
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		wantNoKey(t, e, kidA, "ES256", jwks.ErrUnavailable)
		text := fmt.Sprint(e.Err())
		for _, part := range []string{"https://new.example/pem/" + kidA, "jwks.PEMEndpointConfig.URL"} {
			if !strings.Contains(text, part) {
				t.Errorf("error %q does not contain %q", text, part)
			}
		}
		if strings.Contains(text, "secret") {
			t.Errorf("error %q contains the query", text)
		}
	})
}

// Keys of a joined endpoint are requested only if no other source has a key for the token.
func TestCaseT17_JoinedPEMEndpointIsNotRequestedForOtherKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", p256()))
		s := newPEMServer(t, map[string]any{kidB: otherEC()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		wantKey(t, e, kidB, "ES256", otherEC())
		j := jwks.Join(i.remote(t, jwks.Config{}), e)
		for range 60 {
			wantKey(t, j, "a", "ES256", p256())
			wantKey(t, j, kidB, "ES256", otherEC())
			pass(time.Second)
		}
		wantFetches(t, &s.issuer, 1)
		wantFetches(t, &i, 1)
		wantNoKey(t, j, kidB, "RS256", jwks.ErrAlgorithm)
	})
}

// A server that hangs does not stop the tokens of the other sources.
func TestCaseT17_HangingSource(t *testing.T) {
	t.Parallel()
	secret, octets := newSecret(t, "s", "HS256")
	for name, tt := range map[string]struct {
		other    func(t *testing.T) jwks.Source
		kid, alg string
		want     any
		atMost   time.Duration // the wait of a request
	}{
		"secret":               {func(*testing.T) jwks.Source { return secret }, "any", "HS256", octets, 0},
		"secret, no kid":       {func(*testing.T) jwks.Source { return secret }, "", "HS256", octets, 0},
		"file of public keys":  {func(*testing.T) jwks.Source { return jwks.Static{{Public: p256()}} }, "any", "ES256", p256(), 500 * time.Millisecond},
		"another key set":      {otherSet, "b", "ES256", p256(), 500 * time.Millisecond},
		"joined key set":       {func(t *testing.T) jwks.Source { return jwks.Join(otherSet(t)) }, "b", "ES256", p256(), 500 * time.Millisecond},
		"key set and a secret": {func(t *testing.T) jwks.Source { return jwks.Join(secret, otherSet(t)) }, "b", "HS256", octets, 0},
	} {
		for _, order := range []string{"first", "last"} {
			t.Run(name+", hangs "+order, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var hangs, pem issuer
					hangs.slow(time.Hour)
					pem.slow(time.Hour)
					endpoint, err := jwks.NewPEMEndpoint(jwks.PEMEndpointConfig{URL: pemURL, HTTPClient: &http.Client{Transport: &pem}})
					if err != nil {
						t.Fatal(err)
					}
					sources := []jwks.Source{tt.other(t), hangs.remote(t, jwks.Config{}), endpoint}
					if order == "first" {
						slices.Reverse(sources)
					}
					j := jwks.Join(sources...)
					for range 20 {
						start := time.Now() // of the fake clock
						wantKey(t, j, tt.kid, tt.alg, tt.want)
						if waited := time.Since(start); waited > tt.atMost {
							t.Errorf("the request waited %v, want at most %v", waited, tt.atMost)
						}
						pass(700 * time.Millisecond)
					}
					wantNoKey(t, j, "other", "RS256", jwks.ErrUnavailable) // it may be a token of the server that hangs
					pass(time.Minute)                                      // until the fetches have ended
				})
			})
		}
	}
}

// otherSet returns a key set that was fetched, with the key b.
func otherSet(t *testing.T) jwks.Source {
	t.Helper()
	var i issuer
	i.serves(public("b", p256()))
	r := i.remote(t, jwks.Config{})
	if err := r.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// The Keys of a type of another package decide, even if the type embeds a source of this package.
func TestCaseT17_EmbeddedSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("a", p256()))
		s := newPEMServer(t, map[string]any{"a": p256()})
		remote, endpoint := i.remote(t, jwks.Config{}), s.endpoint(t, jwks.PEMEndpointConfig{})
		file, err := jwks.File(keyFileOf(t, pemText(t, p256())), "")
		if err != nil {
			t.Fatal(err)
		}
		for name, filter := range map[string]jwks.Source{
			"Remote":      noKeysOfRemote{remote},
			"pointer":     &noKeysOfRemote{remote},
			"Static":      noKeysOfStatic{jwks.Static{{Public: p256()}}},
			"FileSource":  noKeysOfFile{file},
			"PEMEndpoint": noKeysOfEndpoint{endpoint},
		} {
			t.Log(name)
			wantNoKey(t, jwks.Join(filter), "a", "ES256", jwks.ErrKeyNotFound)
			wantKeysAfter(t, jwks.Join(filter), "a", "ES256", []any{otherEC()})
		}
	})
}

// keyFileOf returns the path of a file with this content.
func keyFileOf(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Sources that exclude all keys of the embedded one.
type (
	noKeysOfRemote   struct{ *jwks.Remote }
	noKeysOfStatic   struct{ jwks.Static }
	noKeysOfFile     struct{ *jwks.FileSource }
	noKeysOfEndpoint struct{ *jwks.PEMEndpoint }
)

func (noKeysOfRemote) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, jwks.ErrKeyNotFound
}

func (noKeysOfStatic) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, jwks.ErrKeyNotFound
}

func (noKeysOfFile) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, jwks.ErrKeyNotFound
}

func (noKeysOfEndpoint) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return nil, jwks.ErrKeyNotFound
}
