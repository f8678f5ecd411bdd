package prom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/quirk"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

func TestHooks(t *testing.T) {
	t.Parallel()
	const url = "https://login.test/jwks"
	tests := []struct {
		name, metric string
		call         func(context.Context, *prom.Metrics)
		want         string
	}{
		{"decisions", "bearerkit_decisions_total", func(ctx context.Context, m *prom.Metrics) {
			m.OnDecision(ctx, middleware.Decision{Status: 200})
			m.OnDecision(ctx, middleware.Decision{Status: 200, Cached: true})
			m.OnDecision(ctx, middleware.Decision{Status: 401, Reason: consumer.ReasonExpired})
			m.OnDecision(ctx, middleware.Decision{Status: 499, Reason: consumer.ReasonCanceled})
			m.OnDecision(ctx, middleware.Decision{Status: 599, Reason: "a text of somebody's own"})
		}, `
# HELP bearerkit_decisions_total Decisions of Guards about requests.
# TYPE bearerkit_decisions_total counter
bearerkit_decisions_total{reason="canceled",status="499"} 1
bearerkit_decisions_total{reason="expired",status="401"} 1
bearerkit_decisions_total{reason="ok",status="200"} 2
bearerkit_decisions_total{reason="other",status="other"} 1
`},
		{"time of decisions", "bearerkit_decision_duration_seconds", func(ctx context.Context, m *prom.Metrics) {
			m.OnDecision(ctx, middleware.Decision{Status: 200, Cached: true, Duration: 2 * time.Millisecond})
		}, histogram("bearerkit_decision_duration_seconds", `cached="true",`, "Duration of decisions about requests.")},
		{"verifications", "bearerkit_verifications_total", func(ctx context.Context, m *prom.Metrics) {
			m.OnVerify(ctx, consumer.Verification{Issuer: "https://login.test", Cached: true})
			m.OnVerify(ctx, consumer.Verification{Issuer: "https://login.test", Cached: true})
			m.OnVerify(ctx, consumer.Verification{Issuer: "https://login.test", Reason: consumer.ReasonSignature})
			m.OnVerify(ctx, consumer.Verification{Issuer: "\xff", Reason: "\xff"})
		}, `
# HELP bearerkit_verifications_total Verifications of tokens, successful or not.
# TYPE bearerkit_verifications_total counter
bearerkit_verifications_total{cached="false",issuer="https://login.test",reason="signature"} 1
bearerkit_verifications_total{cached="false",issuer="other",reason="other"} 1
bearerkit_verifications_total{cached="true",issuer="https://login.test",reason="ok"} 2
`},
		{"time of verifications", "bearerkit_verification_duration_seconds", func(ctx context.Context, m *prom.Metrics) {
			m.OnVerify(ctx, consumer.Verification{Duration: 2 * time.Millisecond})
		}, histogram("bearerkit_verification_duration_seconds", `cached="false",`, "Duration of verifications of tokens.")},
		{"refreshes", "bearerkit_key_refreshes_total", func(ctx context.Context, m *prom.Metrics) {
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Cause: "expired", Keys: 2})
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Cause: "ahead", Keys: 2, NotModified: true})
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Cause: "forced", Err: errors.New("down")})
			m.OnRefresh(ctx, jwks.Refresh{URL: "https://me:secret@login.test/jwks?key=secret", Cause: "a new one"})
			m.OnRefresh(ctx, jwks.Refresh{URL: "%", Cause: "restored"})
		}, `
# HELP bearerkit_key_refreshes_total Fetches of key sets.
# TYPE bearerkit_key_refreshes_total counter
bearerkit_key_refreshes_total{cause="ahead",result="unchanged",url="https://login.test/jwks"} 1
bearerkit_key_refreshes_total{cause="expired",result="ok",url="https://login.test/jwks"} 1
bearerkit_key_refreshes_total{cause="forced",result="failed",url="https://login.test/jwks"} 1
bearerkit_key_refreshes_total{cause="other",result="ok",url="https://login.test/jwks"} 1
bearerkit_key_refreshes_total{cause="restored",result="ok",url="other"} 1
`},
		{"time of refreshes", "bearerkit_key_refresh_duration_seconds", func(ctx context.Context, m *prom.Metrics) {
			m.OnRefresh(ctx, jwks.Refresh{Duration: 2 * time.Millisecond, Err: errors.New("down")})
		}, histogram("bearerkit_key_refresh_duration_seconds", `result="failed",`, "Duration of fetches of key sets.")},
		{"keys, of the last good set", "bearerkit_keys", func(ctx context.Context, m *prom.Metrics) {
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Keys: 3})
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Keys: 2})
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Err: errors.New("down")})
		}, `
# HELP bearerkit_keys Usable keys in the last key set that was fetched.
# TYPE bearerkit_keys gauge
bearerkit_keys{url="https://login.test/jwks"} 2
`},
		{"unusable keys, of the last set", "bearerkit_unusable_keys", func(ctx context.Context, m *prom.Metrics) {
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Unusable: []jwks.UnusableKey{{Cause: jwks.FaultUse}}})
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Err: errors.New("none is usable"), Unusable: []jwks.UnusableKey{
				{Cause: jwks.FaultWeak}, {KeyID: "rs-1", Cause: jwks.FaultWeak}, {Cause: "a new one"},
			}})
			m.OnRefresh(ctx, jwks.Refresh{URL: url, Err: errors.New("down")})
		}, `
# HELP bearerkit_unusable_keys Keys of the last fetched key set that cannot be used.
# TYPE bearerkit_unusable_keys gauge
bearerkit_unusable_keys{cause="algorithm",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="duplicate",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="malformed",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="other",url="https://login.test/jwks"} 1
bearerkit_unusable_keys{cause="private",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="symmetric",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="too_many",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="type",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="use",url="https://login.test/jwks"} 0
bearerkit_unusable_keys{cause="weak",url="https://login.test/jwks"} 2
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reg, m := newMetrics(t)
			test.call(t.Context(), m)
			if err := testutil.GatherAndCompare(reg, strings.NewReader(test.want), test.metric); err != nil {
				t.Error(err)
			}
		})
	}
}

// histogram returns the text of a histogram with one value of 2 ms.
func histogram(name, label, help string) string {
	text := new(strings.Builder)
	fmt.Fprintf(text, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name)
	for _, bound := range []string{"1e-06", "5e-06", "2.5e-05", "0.0001", "0.00025", "0.001", "0.005", "0.025", "0.1", "0.5", "1", "3", "10", "+Inf"} {
		value, _ := strconv.ParseFloat(bound, 64)
		count := 0
		if value > 0.002 {
			count = 1
		}
		fmt.Fprintf(text, "%s_bucket{%sle=%q} %d\n", name, label, bound, count)
	}
	label = "{" + strings.TrimSuffix(label, ",") + "}"
	fmt.Fprintf(text, "%s_sum%s 0.002\n%s_count%s 1\n", name, label, name, label)
	return text.String()
}

// Failures and snapshots do not count as a success.
func TestLastSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		m.OnRefresh(t.Context(), jwks.Refresh{URL: "https://login.test/jwks"})
		want := time.Now().Unix()
		time.Sleep(time.Minute)
		m.OnRefresh(t.Context(), jwks.Refresh{URL: "https://login.test/jwks", Err: errors.New("down")})
		m.OnRefresh(t.Context(), jwks.Refresh{URL: "https://login.test/jwks", Cause: "restored"})
		const name = "bearerkit_key_last_success_timestamp_seconds"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(fmt.Sprintf(`
# HELP %[1]s Time of the last fetch or confirmation of the key set.
# TYPE %[1]s gauge
%[1]s{url="https://login.test/jwks"} %[2]d
`, name, want)), name); err != nil {
			t.Error(err)
		}
	})
}

func TestLint(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	callAll(t.Context(), m)
	m.WatchStore("sql", cleaning{watching: watching{Running: 1}, run: store.RunStats{Running: 1}})
	m.WatchReceiver(receiving{Poll: ssf.PollStats{Running: 1}, LastAccepted: time.Unix(1, 0)})
	m.WatchLists(listing{Lists: []statuslist.ListStats{{Usable: true}}})
	if n, err := testutil.GatherAndCount(reg); err != nil || n == 0 {
		t.Fatalf("%d series, error %v", n, err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := prom.New(nil); err == nil {
		t.Error("New(nil) has no error")
	}
	reg, _ := newMetrics(t)
	_, err := prom.New(reg)
	if _, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); !ok {
		t.Errorf("a second New returns %v", err)
	}
}

// If one name is already registered, New registers nothing.
func TestNewRegistersAllOrNone(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	somebodys := func(name string) prometheus.Collector {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Somebody else's."})
	}
	reg.MustRegister(somebodys("bearerkit_key_last_success_timestamp_seconds"))
	if _, err := prom.New(reg); err == nil {
		t.Fatal("no error")
	}
	if err := reg.Register(somebodys("bearerkit_decisions_total")); err != nil {
		t.Errorf("a name that should be free: %v", err)
	}
}

// The number of series is bounded, whatever the hooks receive.
func TestAttack44_CardinalityIsBounded(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	ctx := t.Context()
	count := func(from, to int) int {
		for i := from; i < to; i++ {
			text := fmt.Sprint("https://tenant", i, ".test")
			reason := consumer.Reason(text)
			m.OnDecision(ctx, middleware.Decision{Status: i, Reason: reason, Rule: text, Issuer: text})
			quirks := []quirk.Quirk{{Name: quirk.Name(text), Place: text, RFC: text}, {Name: quirk.NullMember, Place: text}, {Name: "\xff"}}
			m.OnVerify(ctx, consumer.Verification{Issuer: text, Reason: reason, Quirks: quirks})
			unusable := []jwks.UnusableKey{{KeyID: text, Cause: jwks.Fault(text), Detail: text}}
			m.OnRefresh(ctx, jwks.Refresh{URL: text, Cause: text, Keys: i, Unusable: unusable, Quirks: quirks})
		}
		n, err := testutil.GatherAndCount(reg)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, after := count(0, 1000), count(1000, 3000)
	if before != after {
		t.Errorf("%d series became %d", before, after)
	}
}

// A quirk of a token and one of a key set are counted when they are reported.
func TestQuirksAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		issuer.SetJWKS(bytes.Replace(issuer.JWKS(), []byte(`"kty"`), []byte(`"key_ops":null,"kty"`), 1))
		guard := newGuard(t, m, issuer)
		for range 3 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("nbf", nil).Sign())
			guard.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		}
		synctest.Wait() // OnRefresh runs after the request that fetched the keys
		text := scrape(t, reg)
		for _, want := range []string{
			`bearerkit_quirks_total{place="claim nbf",quirk="null_member"} 1`,
			`bearerkit_quirks_total{place="key key_ops",quirk="null_member"} 1`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no %s in:\n%s", want, text)
			}
		}
	})
}

// Labels contain neither the token, nor its claims, nor the path.
func TestAttack44_NothingOfTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, m := newMetrics(t)
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		guard := newGuard(t, m, issuer)
		token := issuer.AccessToken().Set("sub", "mallory").SetHeader("kid", "mallorys-key").Sign()
		for _, raw := range []string{token, issuer.AccessToken().Sign()} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/mallorys-orders", nil)
			r.Header.Set("Authorization", "Bearer "+raw)
			guard.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		}
		synctest.Wait() // OnRefresh runs after the request that fetched the keys
		text := scrape(t, reg)
		for _, want := range []string{
			`bearerkit_decisions_total{reason="ok",status="200"} 1`,
			`bearerkit_decisions_total{reason="unknown_key",status="401"} 1`,
			`bearerkit_verifications_total{cached="false",issuer="https://issuer.test",reason="ok"} 1`,
			`bearerkit_key_refreshes_total{cause="expired",result="ok",url="https://issuer.test/jwks"} 1`,
			`bearerkit_keys{url="https://issuer.test/jwks"} 1`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
		for _, secret := range []string{"mallory", "alice", "rs256-1", token} {
			if strings.Contains(text, secret) {
				t.Errorf("the metrics hold %q", secret)
			}
		}
	})
}

// Every constant of the kit has its own label.
func TestKnownValues(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	ctx := t.Context()
	reasons := constants(t, "../../consumer/reason.go", "Reason")
	for _, reason := range reasons {
		m.OnDecision(ctx, middleware.Decision{Status: 401, Reason: consumer.Reason(reason)})
	}
	faults := constants(t, "../../jwks/unusable.go", "Fault")
	for _, fault := range faults {
		m.OnRefresh(ctx, jwks.Refresh{Cause: "expired", Unusable: []jwks.UnusableKey{{Cause: jwks.Fault(fault)}}})
	}
	causes := constants(t, "../../internal/refresh/config.go", "Cause")
	for _, cause := range causes {
		m.OnRefresh(ctx, jwks.Refresh{Cause: cause})
	}
	text := scrape(t, reg)
	for label, values := range map[string][]string{"reason": reasons, "cause": append(faults, causes...)} {
		for _, value := range values {
			if !strings.Contains(text, fmt.Sprintf("%s=%q", label, value)) {
				t.Errorf("%s %q is not known", label, value)
			}
		}
	}
}

// constants returns the values of the constants of a type, from the source.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(source, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name, ok := spec.Type.(*ast.Ident)
		if !ok || name.Name != typ {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				text, _ := strconv.Unquote(literal.Value)
				values = append(values, text)
			}
		}
		return true
	})
	if len(values) < 5 {
		t.Fatalf("%s has only %d constants of type %s: look for them elsewhere", file, len(values), typ)
	}
	return values
}

func TestHooksAtTheSameTime(t *testing.T) {
	t.Parallel()
	reg, m := newMetrics(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 200 {
				m.OnVerify(t.Context(), consumer.Verification{Issuer: strconv.Itoa(i)})
				callAll(t.Context(), m)
			}
		})
	}
	all.Wait()
	want := strings.NewReader(`
# HELP bearerkit_decisions_total Decisions of Guards about requests.
# TYPE bearerkit_decisions_total counter
bearerkit_decisions_total{reason="ok",status="200"} 1600
`)
	if err := testutil.GatherAndCompare(reg, want, "bearerkit_decisions_total"); err != nil {
		t.Error(err)
	}
}

func scrape(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	response := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(response, r)
	if response.Code != http.StatusOK {
		t.Fatalf("/metrics responds with %d %s", response.Code, response.Body)
	}
	return response.Body.String()
}

func callAll(ctx context.Context, m *prom.Metrics) {
	m.OnDecision(ctx, middleware.Decision{Status: 200})
	m.OnVerify(ctx, consumer.Verification{Issuer: "https://login.test"})
	m.OnRefresh(ctx, jwks.Refresh{URL: "https://login.test/jwks", Unusable: []jwks.UnusableKey{{Cause: jwks.FaultUse}}})
	m.OnReceived(ctx, ssf.Reception{Issuer: "https://login.test", Outcome: ssf.OutcomeDenied})
	m.OnIntrospect(ctx, introspection.Introspection{Issuer: "https://login.test"})
	m.OnListRefresh(ctx, statuslist.Refresh{Issuer: "https://login.test"})
}

func newMetrics(t *testing.T) (*prometheus.Registry, *prom.Metrics) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	m, err := prom.New(reg)
	if err != nil {
		t.Fatal(err)
	}
	return reg, m
}

func newGuard(t *testing.T, m *prom.Metrics, issuer *bearertest.Issuer) *middleware.Guard {
	t.Helper()
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
		KeyCache:   jwks.Config{OnRefresh: m.OnRefresh},
		OnVerify:   m.OnVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: m.OnDecision})
	if err != nil {
		t.Fatal(err)
	}
	return guard
}
