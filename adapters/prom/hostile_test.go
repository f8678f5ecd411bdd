package prom_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// 10 000 tokens that differ in everything that a caller can choose leave no trace in the labels.
func TestAttack44_HostileRequests(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"EdDSA"}})
	guard := newGroupGuard(t, m, issuer)
	after := make(map[int]int)
	for i := range 10_000 {
		text := "mallory" + rand.Text()
		send(t, guard, "/"+text, hostileToken(issuer, i, text))
		if i == 999 || i == 9_999 {
			after[i] = countSeries(t, reg, "mallory")
		}
	}
	if after[999] != after[9_999] || after[9_999] > 100 {
		t.Errorf("%d series after 1 000 requests, %d after 10 000", after[999], after[9_999])
	}
	t.Logf("%d series after 10 000 requests", after[9_999])
	text := scrape(t, reg)
	for _, want := range []string{ // the attack reached the code that writes these labels
		`reason="ok",status="200"`, `reason="unknown_key"`, `reason="signature"`, `reason="issuer"`, `reason="audience"`,
		`reason="malformed"`, `reason="revoked"`, `reason="status_unavailable"`, `reason="claims"`, `result="inactive"`,
		`bearerkit_key_skipped_fetches_total{issuer="https://issuer.test"}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing has %s", want)
		}
	}
}

// hostileToken returns a token with text in one of the places that a caller controls.
func hostileToken(issuer *bearertest.Issuer, i int, text string) string {
	token := issuer.AccessToken().Set("sub", text).Set("jti", text)
	switch i % 10 {
	case 0:
		return token.SetHeader("kid", text).Sign()
	case 1:
		return token.Set("iss", "https://"+text+".test").Sign()
	case 2:
		return token.Set("aud", text).Sign()
	case 3:
		return token.EditSignature(func(signature []byte) []byte { return append([]byte(text), signature[len(text):]...) }).Sign()
	case 4:
		return text + "." + text + "." + text
	case 5:
		return token.Set("client_id", []string{text}).Sign()
	case 6:
		return token.SetHeader("alg", text).SetHeader("typ", text).Sign()
	case 7:
		return token.Set("sub", "revoked "+text).Sign()
	case 8:
		return token.Set("sub", "down "+text).Sign()
	}
	return token.Set("scope", text).Set(text, text).Sign()
}

// countSeries fails if a label contains the mark.
func countSeries(t *testing.T, reg *prometheus.Registry, mark string) (n int) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, series := range family.GetMetric() {
			n++
			for _, label := range series.GetLabel() {
				if strings.Contains(label.GetValue(), mark) {
					t.Errorf("%s has %s=%q", family.GetName(), label.GetName(), label.GetValue())
				}
			}
		}
	}
	return n
}

func send(t *testing.T, guard *middleware.Guard, path, token string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	guard.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
}

// statuses revokes tokens, or fails for them, as their ids say.
type statuses struct{}

func (statuses) Active(_ context.Context, token consumer.StatusToken) (bool, error) {
	if strings.HasPrefix(token.Subject(), "down") {
		return false, errors.New("no answer about " + token.Subject())
	}
	return !strings.HasPrefix(token.Subject(), "revoked"), nil
}

// newGroupGuard returns a Guard that uses all hooks.
func newGroupGuard(t *testing.T, m *prom.Metrics, issuer *bearertest.Issuer) *middleware.Guard {
	t.Helper()
	c, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
		KeyCache: jwks.Config{OnRefresh: m.OnRefresh},
		Status:   statuses{}, OnStatus: m.OnStatus, OnVerify: m.OnVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	group, err := consumer.NewGroup(consumer.GroupConfig{
		Consumers: []*consumer.Consumer{c},
		Resolve:   func(context.Context, string) (*consumer.Consumer, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Watch(group)
	guard, err := middleware.New(middleware.Config{Verifier: group, OnDecision: m.OnDecision})
	if err != nil {
		t.Fatal(err)
	}
	return guard
}
