//go:build unix

package serve_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

// hangup reloads the configuration of every serve of this process, and waits until r has logged text n times.
func (r *running) hangup(t *testing.T, text string, n int) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.awaitLine(t, text, n)
}

const (
	reloaded    = "serve: configuration reloaded"
	notReloaded = "serve: the configuration was not reloaded, and the old one stays in use"
)

// A reload replaces the routes and keeps the keys and the proofs that were used. A wrong file changes nothing. SIGHUP reaches
// the whole process, so the tests of reloads are not parallel to each other.
func TestReload(t *testing.T) { //nolint:paralleltest // see above
	const head = "proxy: nginx\ndpop: {url: https://api.test}\nlisten: {http: \"127.0.0.1:0\"}\ntimeouts: {drain: 1ms, warm: 1s}\nlog: {level: debug}\n"
	issuer := newIssuer()
	discovered := "issuers: [{issuer: " + issuer.URL() + ", audience: [" + audience + "]}]\n"
	r := startWith(t, issuer, issuer.Client(), head+discovered+"routes: {/old: {}, /both: {}}\n")
	key := bearertest.NewProofKey("ES256")
	raw := issuer.AccessToken().BoundTo(key).Sign()
	proof := fields{"Authorization", "DPoP " + raw, "DPoP", key.Proof("GET", "https://api.test/both", raw).Sign()}
	expect := func(target string, f fields, status int) {
		t.Helper()
		if response, _ := r.ask(t, "nginx", "GET", target, f); response.status != status {
			t.Errorf("%s: status %d, want %d", target, response.status, status)
		}
	}
	token := bearer(issuer.AccessToken())
	expect("/old", token, 200)
	expect("/new", token, 403)
	expect("/both", proof, 200)

	r.write(t, head+discovered+"routes: {/new: {}, /both: {}}\n")
	r.hangup(t, reloaded, 1)
	expect("/old", token, 403)
	expect("/new", token, 200)
	expect("/both", proof, 401) // the proof was used

	for i, wrong := range []string{
		"",
		head + discovered + "routes: {/old: {scope: [a]}}\n",
		strings.Replace(head, "127.0.0.1:0", "127.0.0.1:1", 1) + discovered + "routes: {/old: {}}\n",
		head + "issuers: [{issuer: \"http://127.0.0.1:1\", audience: [a]}]\nroutes: {/old: {}}\n",
		"log: {level: info}\n" + strings.Replace(head, "log: {level: debug}\n", "", 1) + discovered + "routes: {/old: {}}\n",
	} {
		r.write(t, wrong+"#issuers:") // the comment keeps write from adding issuers
		r.hangup(t, notReloaded, i+1)
		expect("/old", token, 403)
		expect("/new", token, 200)
	}
	if got := issuer.Requests(); got["/jwks.json"] > 1 {
		t.Errorf("requests of the issuer: %v, want one for the keys", got)
	}
}
