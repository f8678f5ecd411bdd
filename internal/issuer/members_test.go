package issuer_test

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/issuer"
)

// documents serves one document for each path. An empty one is a 503.
func documents(n *network, byPath map[string]string) {
	n.connect(home, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, there := byPath[r.URL.Path]
		switch {
		case !there:
			w.WriteHeader(http.StatusNotFound)
		case body == "":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}))
}

const (
	oauthPath  = "/.well-known/oauth-authorization-server"
	openIDPath = "/.well-known/openid-configuration"
	smallest   = `{"issuer":"` + home + `"}`
	withKeys   = `{"issuer":"` + home + `","jwks_uri":"` + home + `/jwks"}`
)

// An API finds its keys if only the document of OpenID Connect names them.
func TestCaseD7_KeysOnlyInTheSecondDocument(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		second   string
		noKeySet bool
	}{
		"there":          {second: withKeys},
		"not there":      {second: smallest, noKeySet: true},
		"another issuer": {second: `{"issuer":"https://evil.test","jwks_uri":"https://evil.test/jwks"}`, noKeySet: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork()
			documents(n, map[string]string{oauthPath: smallest, openIDPath: tt.second})
			r := newRemote(t, n, func(cfg *issuer.Config) { cfg.KeysRequired = true })
			m, err := r.Metadata(t.Context())
			if errors.Is(err, issuer.ErrNoKeySet) != tt.noKeySet || err == nil && m.JWKSURI != home+"/jwks" {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
}

// The second document is read when a caller needs a member of it: once for all callers, and not again before the metadata is
// due.
func TestCaseD7_MembersOnDemand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		documents(n, map[string]string{oauthPath: smallest, openIDPath: withKeys})
		r := newRemote(t, n, nil)
		if m, err := r.Metadata(t.Context()); err != nil || m.JWKSURI != "" || n.count(home+openIDPath) != 0 {
			t.Errorf("%v, %v, %d requests", m, err, n.count(home+openIDPath))
		}
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() {
				m, err := r.MetadataWith(t.Context(), "jwks_uri", "userinfo_endpoint")
				if err != nil || m.JWKSURI != home+"/jwks" {
					t.Errorf("%v, %v", m, err)
				}
			})
		}
		calls.Wait()
		for range 10 {
			if _, err := r.MetadataWith(t.Context(), "userinfo_endpoint"); err != nil { // it is nowhere
				t.Error(err)
			}
		}
		if got := n.count(home + openIDPath); got != 1 {
			t.Errorf("%d requests for the second document, want 1", got)
		}
		time.Sleep(time.Hour) // timers end
	})
}

// Metadata whose second document could not be read is refreshed after a minute, and is used until then.
func TestCaseD7_IncompleteMetadataIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		documents(n, map[string]string{oauthPath: smallest, openIDPath: ""})
		r := newRemote(t, n, func(cfg *issuer.Config) { cfg.Members, cfg.FreshFor = []string{"jwks_uri"}, time.Hour })
		for range 30 {
			if m, err := r.Metadata(t.Context()); err != nil || m.Incomplete() == nil {
				t.Errorf("%v, %v", m, err)
			}
			time.Sleep(time.Second)
		}
		if got := n.count(home + openIDPath); got != 1 {
			t.Errorf("%d requests in 30 s, want 1", got)
		}
		documents(n, map[string]string{oauthPath: smallest, openIDPath: withKeys})
		time.Sleep(time.Minute)
		_, _ = r.Metadata(t.Context())
		synctest.Wait()
		if m, err := r.Metadata(t.Context()); err != nil || m.JWKSURI == "" || m.Incomplete() != nil {
			t.Errorf("%v, %v", m, err)
		}
		time.Sleep(2 * time.Hour) // timers end
	})
}
