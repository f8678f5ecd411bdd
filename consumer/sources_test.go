package consumer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// A program's own source may embed one of package jwks and override Keys to exclude keys. Its Keys decides for new tokens,
// for cached ones, and after a wrong signature.
func TestCaseT17_EmbeddedSource(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	remote, err := jwks.New(jwks.Config{URL: issuer.URL() + "/jwks", HTTPClient: issuer.Client()})
	if err != nil {
		t.Fatal(err)
	}
	excluded := &excludedKeys{Remote: remote}
	c := newConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: excluded})
	raw := lasting(issuer).Sign()
	accept(t, c, raw)
	accept(t, c, raw)
	excluded.all = true
	reject(t, c, raw, consumer.ReasonUnknownKey)
	reject(t, c, lasting(issuer).Set("jti", "new").Sign(), consumer.ReasonUnknownKey)
	reject(t, c, signedBy(issuer, newEC(t), "forged"), consumer.ReasonUnknownKey)
}

// excludedKeys excludes all keys of the embedded source if all is true.
type excludedKeys struct {
	*jwks.Remote
	all bool
}

func (e *excludedKeys) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	if e.all {
		return nil, jwks.ErrKeyNotFound
	}
	return e.Remote.Keys(ctx, kid, alg)
}

// New reports nil sources of Join instead of panicking.
func TestCaseT17_NilSourcesOfJoin(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]jwks.Source{
		"file":   jwks.Join((*jwks.FileSource)(nil)),
		"remote": jwks.Join(jwks.Join((*jwks.Remote)(nil))),
		"mixed":  jwks.Join(jwks.Static{}, nil),
	} {
		_, err := consumer.New(consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
		if err == nil || !strings.Contains(err.Error(), "Config.Keys") {
			t.Errorf("%s: New: %v, want an error that names Config.Keys", name, err)
		}
	}
}

// Keys of others at a PEM endpoint, which forged tokens name, keep neither a key of the issuer out nor evict one. A new key
// under the same kid is found.
func TestCaseJ8_PEMEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, own, next := newIssuer(), newEC(t), newEC(t)
		published := map[string]*ecdsa.PrivateKey{"own": own}
		for n := range 9 {
			published[fmt.Sprint("foreign", n)] = newEC(t)
		}
		n := newNetwork()
		n.connect("https://keys.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := published[strings.TrimPrefix(r.URL.Path, "/")]
			if key == nil {
				http.NotFound(w, r)
				return
			}
			der, err := x509.MarshalPKIXPublicKey(key.Public())
			if err != nil {
				t.Error(err)
			}
			_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
		}))
		endpoint, err := jwks.NewPEMEndpoint(jwks.PEMEndpointConfig{URL: "https://keys.test", HTTPClient: n.client()})
		if err != nil {
			t.Fatal(err)
		}
		c := newConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: jwks.Join(endpoint)})
		flood := func() {
			for range 12 {
				for n := range 9 {
					_, _ = c.Verify(t.Context(), signedBy(issuer, next, fmt.Sprint("foreign", n)))
				}
				time.Sleep(10 * time.Second)
			}
		}
		flood()
		time.Sleep(time.Minute)
		accept(t, c, signedBy(issuer, own, "own"))
		flood()
		before := n.asked()
		accept(t, c, signedBy(issuer, own, "own"))
		if n.asked() != before {
			t.Error("the key was evicted")
		}
		published["own"] = next
		time.Sleep(time.Minute)
		accept(t, c, signedBy(issuer, next, "own"))
		reject(t, c, signedBy(issuer, own, "own"), consumer.ReasonSignature)
	})
}

// The error of a fetch names the setting that can be changed, also if the HTTPClient has its own time limit.
func TestCaseD5_J11_ErrorsOfFetchesNameTheSetting(t *testing.T) {
	t.Parallel()
	const metadata = `{"issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + `/keys"}`
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }) // see patient
	moved := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", http.StatusFound) })
	long := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 600<<10)) })
	for name, tt := range map[string]struct {
		metadata, keys http.Handler // nil: a good document
		timeout        time.Duration
		want           []string
	}{
		"slow metadata":               {slow, nil, 0, []string{"3s exceeded", "set DiscoveryTimeout"}},
		"slow metadata, short client": {slow, nil, time.Second, []string{"1s exceeded", "the Timeout of HTTPClient is shorter than DiscoveryTimeout, which is 3s"}},
		"moved metadata":              {moved, nil, 0, []string{issuerURL + "/new", "set MetadataURL"}},
		"slow keys":                   {nil, slow, 0, []string{"3s exceeded", "increase jwks.Config.Timeout"}},
		"slow keys, short client":     {nil, slow, time.Second, []string{"1s exceeded", "the Timeout of HTTPClient is shorter than jwks.Config.Timeout, which is 3s"}},
		"moved keys":                  {nil, moved, 0, []string{issuerURL + "/new", "set Config.Keys to jwks.New", "jwks.Config.URL"}},
		"long keys":                   {nil, long, 0, []string{"524288 bytes", "increase jwks.Config.MaxBytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				n.connect(issuerURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch isKeys := r.URL.Path == "/keys"; {
					case isKeys && tt.keys != nil:
						tt.keys.ServeHTTP(w, r)
					case !isKeys && tt.metadata != nil:
						tt.metadata.ServeHTTP(w, r)
					case !isKeys:
						_, _ = w.Write([]byte(metadata))
					}
				}))
				client := &http.Client{Transport: patient{n}, Timeout: tt.timeout}
				c := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, HTTPClient: client})
				err := c.Warm(t.Context())
				for _, want := range tt.want {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("Warm: %v, want %q", err, want)
					}
				}
			})
		})
	}
}

// An issuer cannot fill the log with unusable keys. Published private keys are logged before all others.
func TestAttack44_ManyUnusableKeysAreLoggedBriefly(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	keys := make([]map[string]any, 0, 902)
	for n := range 900 {
		keys = append(keys, map[string]any{"kty": "EC", "kid": fmt.Sprint("k", n)})
	}
	private := bearertest.JWK("leaked", "ES256", newEC(t).Public())
	private["d"] = "AA"
	publish(t, issuer, append(keys, private, bearertest.JWK("good", "ES256", newEC(t).Public()))...)
	var log lockedBuffer
	cfg := online(issuer)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c := newConsumer(t, cfg)
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := log.take()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > 21 || !strings.Contains(lines[0], "leaked") {
		t.Errorf("%d lines, the first is %s", len(lines), lines[0])
	}
}

// patient is a network on which a request fails if its time has passed when the handler returns.
type patient struct{ *network }

func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.network.RoundTrip(r)
	if r.Context().Err() != nil {
		return nil, r.Context().Err()
	}
	return response, err
}
