package issuer_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/quirk"
)

// Quirks are reported when they change, and not with each fetch.
func TestCaseD2_QuirksAreReportedWhenTheyChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		serve := func(members string) {
			n.connect(home, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"issuer":"`+home+`"`+members+`}`)
			}))
		}
		var reports []string
		r := newRemote(t, n, func(cfg *issuer.Config) {
			cfg.OnQuirks = func(_ context.Context, quirks []quirk.Quirk) {
				var names []string
				for _, q := range quirks {
					names = append(names, string(q.Name)+" in "+q.Place)
				}
				reports = append(reports, strings.Join(names, ", "))
			}
		})
		for _, members := range []string{
			``, `,"scopes_supported":"a"`, `,"scopes_supported":"b"`, `,"scopes_supported":"b","x":1,"x":2`, ``, `,"scopes_supported":"a"`,
		} {
			serve(members)
			for range 3 {
				if err := r.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
		}
		const scopes = "wrong_type in metadata scopes_supported"
		want := []string{scopes, "duplicate_member in metadata member, " + scopes, scopes}
		if diff := cmp.Diff(want, reports); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
	})
}

// A document at MetadataURL replaces the well-known locations, which are not requested even if it is missing.
func TestCaseD6_MetadataURLIsTheOnlyLocation(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	n.connect(home, newIssuer(nil))
	r := newRemote(t, n, func(cfg *issuer.Config) { cfg.MetadataURL = home + "/elsewhere" })
	if _, err := r.Metadata(t.Context()); err == nil {
		t.Error("there is metadata")
	}
	if diff := cmp.Diff(map[string]int{home + "/elsewhere": 1}, n.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// DiscoveryTimeout limits requests for keys, too, unless they have a limit of their own.
func TestCaseD5_OneTimeoutForMetadataAndKeys(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		discovery, keys, want time.Duration
	}{
		"neither": {want: 3 * time.Second},
		"one":     {discovery: 20 * time.Second, want: 20 * time.Second},
		"both":    {discovery: 20 * time.Second, keys: 10 * time.Second, want: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				working := newIssuer(nil)
				slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/jwks" {
						<-r.Context().Done()
						return
					}
					working.ServeHTTP(w, r)
				})
				n := newNetwork()
				n.connect(home, slow)
				r := newRemote(t, n, func(cfg *issuer.Config) {
					cfg.DiscoveryTimeout, cfg.Keys.Timeout = tt.discovery, tt.keys
				})
				if _, err := r.Metadata(t.Context()); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				_ = r.Warm(t.Context())
				if waited := time.Since(began); waited != tt.want {
					t.Errorf("the request for keys ended after %v, want %v", waited, tt.want)
				}
			})
		})
	}
}
