package observability_test

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/interop/observability"
)

// notShown matches metrics that the quickstart may lack: it has no status store and no revocation, and Watch is optional.
var notShown = regexp.MustCompile(`^bearerkit_(status_.+|ssf_.+|watch_.+|cleanup_.+|introspection.+|ready|keys_held|key_age_seconds|key_consecutive_failures|key_forced_fetches_total|` +
	`key_skipped_fetches_total|metadata_.+|cache_.+)$`)

// TestQuickstart runs examples/quickstart, sends the requests that it suggests, and checks that its metrics contain the
// series of the dashboard.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	issuer, api := startQuickstart(t)
	store, began := new(observability.Store), time.Now()
	for range 5 {
		for _, kind := range []string{"good", "wrong-audience", "expired", "no-scope", "admin"} {
			token := get(t, issuer+"/token/"+kind, "")
			for _, path := range []string{"/me", "/me", "/orders", "/admin"} {
				get(t, api+path, strings.TrimSpace(token))
			}
		}
		get(t, api+"/me", "")
		if err := store.Scrape(time.Now(), []byte(get(t, api+"/metrics", "")), "quickstart", "api"); err != nil {
			t.Fatal(err)
		}
	}
	r := recording{store, observability.Span{From: began, To: time.Now().Add(time.Second), Step: time.Second}}
	found := 0
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			for _, selector := range selectors(t, target.Expr) {
				name, _, _ := strings.Cut(selector, "{")
				switch {
				case r.answers(t, selector):
					found++
				case notShown.MatchString(name) && !r.answers(t, name):
				default:
					t.Errorf("%s: the quickstart exports no %s", panel.Title, selector)
				}
			}
		}
	}
	diagnose(t, issuer, api)
	if found < 15 {
		t.Errorf("the quickstart exports %d series of the dashboard, want more", found)
	}
}

// diagnose runs the command doctor on the quickstart.
func diagnose(t *testing.T, issuer, api string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "bearerkit")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../../cmd/bearerkit"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for kind, want := range map[string]string{"good": `"problems": 0`, "wrong-audience": "must request a token for this API", "expired": "Request a new token"} {
		run := exec.CommandContext(t.Context(), program, "doctor", "--json", "--issuer", issuer, "--audience", "https://api.example.com", "--api", api+"/me")
		run.Env = []string{"BEARERKIT_TOKEN=" + get(t, issuer+"/token/"+kind, "")}
		out, err := run.CombinedOutput()
		if (err == nil) != (kind == "good") || !strings.Contains(string(out), want) {
			t.Errorf("doctor, %s: %v, want %q in\n%s", kind, err, want, out)
		}
	}
}

// startQuickstart runs the program until the test ends, and returns the two addresses that it prints.
func startQuickstart(t *testing.T) (issuer, api string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "quickstart")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./quickstart")
	build.Dir = "../../examples"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), program, "-addr", "127.0.0.1:0")
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Wait() }) // the end of t.Context stops the program
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if urls := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindAllString(lines.Text(), 2); len(urls) == 2 && api == "" {
			issuer, api = urls[0], urls[1]
		}
		if strings.HasPrefix(lines.Text(), "Press Ctrl-C") {
			return issuer, api
		}
	}
	t.Fatal("the quickstart printed no addresses")
	return "", ""
}

func get(t *testing.T, url, token string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestRunIsTrue checks that the metrics of the run show its events.
func TestRunIsTrue(t *testing.T) {
	t.Parallel()
	r := record(t)
	for _, test := range []struct {
		query string
		holds func(least, most float64) bool
	}{
		{`min(bearerkit_ready)`, func(least, most float64) bool { return least == 0 && most == 1 }},
		{`sum(bearerkit_keys_held)`, func(least, most float64) bool { return least == 0 && most == 2 }},
		{`sum(bearerkit_cache_capacity)`, func(least, most float64) bool { return least == 200 && most == 200 }},
		{`sum(bearerkit_cache_entries)`, func(least, most float64) bool { return least < most && most > 20 && most <= 200 }}, // the number depends on the speed of the machine
		{
			`sum(rate(bearerkit_verifications_total{cached="true",reason="ok"}[1s])) / sum(rate(bearerkit_verifications_total{reason="ok"}[1s])) >= 0`,
			func(least, most float64) bool { return least >= 0 && most <= 1 && most > 0.1 },
		},
		{`sum(bearerkit_unusable_keys)`, func(least, most float64) bool { return least == 0 && most == 1 }},
		{`max(bearerkit_key_consecutive_failures)`, func(least, most float64) bool { return least == 0 && most > 0 }},
	} {
		matrix, err := r.store.Query(t.Context(), test.query, r.span)
		if err != nil || len(matrix) != 1 {
			t.Fatalf("%s: got %d series, error %v", test.query, len(matrix), err)
		}
		var values []float64
		for _, point := range matrix[0].Floats {
			values = append(values, point.F)
		}
		if least, most := slices.Min(values), slices.Max(values); !test.holds(least, most) {
			t.Errorf("%s: unexpected range %v to %v", test.query, least, most)
		}
	}
}
