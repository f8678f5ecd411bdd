package jwks_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

const pemURL = "https://keys.example/pem"

// pemServer serves PEM documents by kid. It responds with 403 for every other kid, like a storage service.
type pemServer struct {
	issuer
	mu    sync.Mutex // guards the fields below
	pems  map[string]string
	paths []string
}

func newPEMServer(t *testing.T, keys map[string]any) *pemServer {
	t.Helper()
	s := &pemServer{pems: make(map[string]string)}
	for kid, key := range keys {
		s.publish(kid, pemText(t, key))
	}
	s.works()
	return s
}

// works makes the server respond again.
func (s *pemServer) works() {
	s.answers(func(r *http.Request) (*http.Response, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paths = append(s.paths, r.URL.Path)
		text, ok := s.pems[strings.TrimPrefix(r.URL.String(), pemURL+"/")]
		if !ok {
			return response(http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"), nil
		}
		return response(http.StatusOK, text), nil
	})
}

// publish makes the server respond with text for kid, or with 403 if text is empty.
func (s *pemServer) publish(kid, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pems[kid] = text
	if text == "" {
		delete(s.pems, kid)
	}
}

func (s *pemServer) endpoint(t *testing.T, cfg jwks.PEMEndpointConfig) *jwks.PEMEndpoint {
	t.Helper()
	cfg.URL, cfg.HTTPClient = pemURL, &http.Client{Transport: s}
	e, err := jwks.NewPEMEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func pemText(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

const (
	kidA = "00000000-0000-4000-8000-00000000000a"
	kidB = "00000000-0000-4000-8000-00000000000b"
)

func TestPEMEndpoint_FetchesEachKeyOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256(), kidB: otherEC(), "rsa": rsaKey()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		pass(time.Hour)
		wantFetches(t, &s.issuer, 0)
		for range 3 {
			wantKey(t, e, kidA, "ES256", p256())
		}
		wantFetches(t, &s.issuer, 1)
		wantKey(t, e, kidB, "ES256", otherEC()) // fetches the kept key, too
		wantKey(t, e, kidA, "ES256", p256())
		wantFetches(t, &s.issuer, 3)
		wantNoKey(t, e, kidA, "HS256", jwks.ErrAlgorithm)
		wantFetches(t, &s.issuer, 3)
		wantNoKey(t, e, kidA, "ES384", jwks.ErrAlgorithm) // fetches both again: the key may have been replaced
		wantNoKey(t, e, kidA, "RS256", jwks.ErrAlgorithm)
		wantFetches(t, &s.issuer, 5)
		keys, err := e.Keys(t.Context(), kidA, "ES256")
		if err != nil || len(keys) != 1 || keys[0].ID != kidA {
			t.Errorf("Keys = %v, %v, want one key with the kid", keys, err)
		}
		if err := e.Err(); err != nil {
			t.Errorf("Err: %v", err)
		}
	})
}

// A kid that could change the path of the request causes no request.
func TestPEMEndpoint_KidsThatCauseNoRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		invalid := []string{
			"", ".", "..", "../" + kidA, kidA + "/", "a/b", `a\b`, "a.b", "a%2fb", "a?b", "a#b", "a b", "a\nb", "ä", "a\x00",
			"https://evil.example/key", strings.Repeat("a", 129),
		}
		for _, kid := range invalid {
			wantNoKey(t, e, kid, "ES256", jwks.ErrUnavailable) // no key is held yet
		}
		wantFetches(t, &s.issuer, 0)
		wantKey(t, e, kidA, "ES256", p256())
		for _, kid := range invalid {
			wantNoKey(t, e, kid, "ES256", jwks.ErrKeyNotFound)
		}
		wantFetches(t, &s.issuer, 1)
		if s.paths[0] != "/pem/"+kidA {
			t.Errorf("path %q", s.paths[0])
		}
	})
}

// A flood of invented kids causes few requests, and a new key is found as soon as the limit allows it.
func TestPEMEndpoint_Attack28_UnknownKidFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256(), kidB: otherEC()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{MinRefetch: 10 * time.Second})
		wantKey(t, e, kidA, "ES256", p256())
		for i := range 1000 {
			wantNoKey(t, e, fmt.Sprint("forged-", i), "ES256", jwks.ErrKeyNotFound)
			wantKey(t, e, kidA, "ES256", p256())
		}
		// 3 fetches of the kept key and the forged one, besides the first fetch
		wantFetches(t, &s.issuer, 7)
		wantNoKey(t, e, kidB, "ES256", jwks.ErrKeyNotFound)
		pass(10 * time.Second)
		wantKey(t, e, kidB, "ES256", otherEC())
	})
}

// The same unknown kid causes one request per MinRefetch.
func TestPEMEndpoint_UnknownKidIsCached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		wantKey(t, e, kidA, "ES256", p256())
		for range 10 {
			wantNoKey(t, e, kidB, "ES256", jwks.ErrKeyNotFound)
		}
		wantFetches(t, &s.issuer, 3) // the first fetch, and one for both kids
		s.publish(kidB, pemText(t, otherEC()))
		wantNoKey(t, e, kidB, "ES256", jwks.ErrKeyNotFound)
		pass(10 * time.Second)
		wantKey(t, e, kidB, "ES256", otherEC())
	})
}

// The first token may be forged. The key of the next one is still fetched.
func TestPEMEndpoint_ForgedTokenComesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		wantNoKey(t, e, "forged", "ES256", jwks.ErrUnavailable)
		wantKey(t, e, kidA, "ES256", p256())
	})
}

// Concurrent first requests share the fetches.
func TestPEMEndpoint_K8_SharedFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256()})
		s.slow(time.Second)
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { wantKey(t, e, kidA, "ES256", p256()) })
		}
		group.Wait()
		wantFetches(t, &s.issuer, 1)
	})
}

// A key that the endpoint has removed is not used any more once it is fetched again.
func TestPEMEndpoint_Attack33_RemovedKeyLosesTrust(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256(), kidB: otherEC()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{FreshFor: time.Minute})
		wantKey(t, e, kidA, "ES256", p256())
		wantKey(t, e, kidB, "ES256", otherEC())
		s.publish(kidA, "")
		pass(time.Minute)
		wantNoKey(t, e, kidA, "ES256", jwks.ErrKeyNotFound)
		wantKey(t, e, kidB, "ES256", otherEC())
		s.publish(kidB, pemText(t, p256())) // replaced under the same kid
		pass(time.Minute)
		wantKey(t, e, kidB, "ES256", p256())
	})
}

func TestPEMEndpoint_K3_K4_EndpointIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256(), kidB: otherEC()})
		e := s.endpoint(t, jwks.PEMEndpointConfig{StaleFor: time.Hour})
		s.isDown()
		wantNoKey(t, e, kidA, "ES256", jwks.ErrUnavailable)
		s.works()
		pass(2 * time.Second) // the back-off
		wantKey(t, e, kidA, "ES256", p256())
		s.isDown()
		pass(30 * time.Minute)
		wantKey(t, e, kidA, "ES256", p256()) // stale
		wantNoKey(t, e, kidB, "ES256", jwks.ErrKeyNotFound)
		if e.Err() == nil {
			t.Error("Err is nil after a failed fetch")
		}
		pass(31 * time.Minute)
		wantNoKey(t, e, kidA, "ES256", jwks.ErrUnavailable)
		wantNoKey(t, e, "..", "ES256", jwks.ErrUnavailable)
		s.works()
		pass(time.Minute)
		wantKey(t, e, kidA, "ES256", p256())
	})
}

// A kept key stays in use if it cannot be fetched again, although another one can. Only the statuses of a missing document
// remove a key.
func TestPEMEndpoint_K10_OneKeyCannotBeFetched(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusUnauthorized, http.StatusOK} {
		synctest.Test(t, func(t *testing.T) {
			s := newPEMServer(t, map[string]any{kidA: p256(), kidB: otherEC()})
			e := s.endpoint(t, jwks.PEMEndpointConfig{FreshFor: time.Minute})
			wantKey(t, e, kidA, "ES256", p256())
			wantKey(t, e, kidB, "ES256", otherEC())
			s.answers(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, kidA) {
					return response(status, "<html>"), nil
				}
				return response(http.StatusOK, pemText(t, otherEC())), nil
			})
			pass(time.Minute)
			wantKey(t, e, kidA, "ES256", p256())
			wantKey(t, e, kidB, "ES256", otherEC())
		})
	}
}

// Documents that are not one public key for the algorithm are not used.
func TestPEMEndpoint_UnusableDocuments(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":           "",
		"HTML":            "<html></html>",
		"private key":     "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"two keys":        pemText(t, p256()) + pemText(t, otherEC()),
		"another curve":   pemText(t, p384()),
		"another type":    pemText(t, rsaKey()),
		"not a PEM block": pemText(t, p256())[:60],
		"too long":        pemText(t, p256()) + strings.Repeat("\n", 16<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newPEMServer(t, nil)
				s.pems[kidB] = text // even if it is empty
				e := s.endpoint(t, jwks.PEMEndpointConfig{Algorithm: "ES256"})
				wantNoKey(t, e, kidB, "ES256", jwks.ErrUnavailable)
				// The unusable key does not affect another one.
				s.publish(kidA, pemText(t, p256()))
				pass(2 * time.Second)
				wantKey(t, e, kidA, "ES256", p256())
				wantNoKey(t, e, kidB, "ES256", jwks.ErrKeyNotFound)
				wantKey(t, e, kidA, "ES256", p256())
			})
		})
	}
}

func TestPEMEndpoint_Attack31_RedirectIsRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, nil)
		s.says(http.StatusFound, "", "Location", "https://evil.example/key")
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		wantNoKey(t, e, kidA, "ES256", jwks.ErrUnavailable)
		wantFetches(t, &s.issuer, 1)
	})
}

// Keys in use are never evicted by keys that other tokens name.
func TestPEMEndpoint_KeepsTheKeysInUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, nil)
		for i := range 20 {
			s.publish(fmt.Sprint("key-", i), pemText(t, p256()))
		}
		var last jwks.Refresh
		e := s.endpoint(t, jwks.PEMEndpointConfig{OnRefresh: func(_ context.Context, r jwks.Refresh) { last = r }})
		for i := range 8 {
			wantKey(t, e, fmt.Sprint("key-", i), "ES256", p256())
			e.Confirm(jwks.Key{ID: fmt.Sprint("key-", i), Public: p256()})
			pass(10 * time.Second)
		}
		for i := range 8 { // all are in use
			wantKey(t, e, fmt.Sprint("key-", i), "ES256", p256())
		}
		wantNoKey(t, e, "key-8", "ES256", jwks.ErrKeyNotFound)
		pass(time.Minute)
		for i := 1; i < 8; i++ { // key-0 is not in use any more
			wantKey(t, e, fmt.Sprint("key-", i), "ES256", p256())
		}
		wantKey(t, e, "key-9", "ES256", p256())
		for i := 1; i < 8; i++ {
			wantKey(t, e, fmt.Sprint("key-", i), "ES256", p256())
		}
		synctest.Wait()
		if last.Keys != 8 || last.Err != nil || last.URL != pemURL {
			t.Errorf("OnRefresh: %+v", last)
		}
	})
}

func TestPEMEndpoint_K8_CallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newPEMServer(t, map[string]any{kidA: p256()})
		s.slow(time.Second)
		e := s.endpoint(t, jwks.PEMEndpointConfig{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := e.Keys(ctx, kidA, "ES256"); err == nil || ctx.Err() == nil {
			t.Errorf("Keys: %v", err)
		}
		pass(time.Second)
		wantKey(t, e, kidA, "ES256", p256())
		wantFetches(t, &s.issuer, 1)
	})
}

func TestNewPEMEndpoint_ReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := jwks.NewPEMEndpoint(jwks.PEMEndpointConfig{
		URL: "ftp://keys.example/?a", Algorithm: "HS256", FreshFor: 10, StaleFor: 10, MinRefetch: -1, Timeout: -1,
	})
	for _, field := range []string{"URL", "Algorithm", "FreshFor", "StaleFor", "MinRefetch", "Timeout"} {
		if err == nil || !strings.Contains(err.Error(), "jwks: PEMEndpointConfig."+field) {
			t.Errorf("PEMEndpointConfig.%s is not among the faults: %v", field, err)
		}
	}
	for url, ok := range map[string]bool{
		pemURL: true, pemURL + "/": true, "http://127.0.0.1:1/keys": true, "http://keys.example": false, "": false,
		pemURL + "?v=1": false, pemURL + "#a": false, "https://me:secret@keys.example": false,
	} {
		e, err := jwks.NewPEMEndpoint(jwks.PEMEndpointConfig{URL: url})
		if (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
		if ok && e.URL() != strings.TrimSuffix(url, "/") {
			t.Errorf("URL() = %q", e.URL())
		}
	}
}

//nolint:paralleltest // testing.AllocsPerRun counts the allocations of the whole process
func TestPEMEndpoint_KnownKidCostsNoAllocation(t *testing.T) {
	s := newPEMServer(t, map[string]any{kidA: p256()})
	e := s.endpoint(t, jwks.PEMEndpointConfig{})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := e.Keys(ctx, kidA, "ES256"); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
