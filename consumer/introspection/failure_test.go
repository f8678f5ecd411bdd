package introspection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// If the server rejects the credentials of the API, the token may be valid: 503, and a line at level Error for the operator.
func TestI4_RejectedCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		level  string // of the line
	}{
		"401":                 {401, "", "ERROR"},
		"401 invalid_client":  {401, `{"error":"invalid_client"}`, "ERROR"},
		"401 invalid_token":   {401, `{"error":"invalid_token"}`, "ERROR"},
		"400 invalid_client":  {400, `{"error":"invalid_client"}`, "ERROR"},
		"unauthorized_client": {400, `{"error":"unauthorized_client"}`, "ERROR"},
		"403":                 {403, "", "ERROR"},
		"200 invalid_client":  {200, `{"error":"invalid_client"}`, "ERROR"},
		"400 invalid_request": {400, `{"error":"invalid_request"}`, "WARN"},
		"404":                 {404, "", "WARN"},
		"429":                 {429, "", "WARN"},
		"500":                 {500, "<html>", "WARN"},
		"503":                 {503, "", "WARN"},
		"malformed":           {200, "<html>", "WARN"},
		"redirect":            {302, "", "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				s := says(c.status, c.body+"")
				v := newVerifier(t, s, func(cfg *introspection.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				for i := range 3 {
					_, err := v.Verify(t.Context(), fmt.Sprintf("%s-%d", opaque, i))
					e, _ := errors.AsType[*consumer.Error](err)
					if got := reasonOf(t, err); got != consumer.ReasonIntrospectionUnavailable || errors.Is(err, consumer.ErrInvalidToken) {
						t.Errorf("reason %q: %v", got, err)
					}
					if e.LogDetail() == "" || strings.Contains(err.Error()+e.LogDetail(), opaque) || strings.Contains(err.Error(), "a-secret") {
						t.Errorf("the detail is %q, the error %v", e.LogDetail(), err)
					}
				}
				text := log.String()
				if strings.Count(text, `msg="introspection failed"`) != 1 || !strings.Contains(text, "level="+c.level) {
					t.Errorf("the log is %q, want one line at level %s", text, c.level)
				}
				if strings.Contains(text, opaque) || strings.Contains(text, "a-secret") {
					t.Errorf("the log contains a secret: %s", text)
				}
				log.Reset()
				time.Sleep(time.Minute)
				wantReason(t, v, opaque, consumer.ReasonIntrospectionUnavailable)
				if text := log.String(); !strings.Contains(text, "suppressed=2") {
					t.Errorf("the log is %q, want a line for two others", text)
				}
				s.set(200, active())
				time.Sleep(time.Minute)
				wantReason(t, v, opaque, "")
			})
		})
	}
}

// A server that fails gets no further requests for a while. The pause grows, and one request tests the server.
func TestBreaker(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(*http.Request, url.Values) (int, http.Header, string){
		"status 500":  func(*http.Request, url.Values) (int, http.Header, string) { return 500, nil, "" },
		"status 401":  func(*http.Request, url.Values) (int, http.Header, string) { return 401, nil, "" },
		"no response": func(*http.Request, url.Values) (int, http.Header, string) { return 0, nil, "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := new(server)
				s.setFunc(respond)
				v := newVerifier(t, s, nil)
				n := 0
				fail := func() {
					n++
					wantReason(t, v, fmt.Sprintf("token-%d", n), consumer.ReasonIntrospectionUnavailable)
				}
				for range 3 {
					fail()
				}
				wantRequests(t, s, 3, "until the pause")
				for longest := time.Second; longest <= 64*time.Second; longest *= 2 {
					pause := time.Until(v.Stats().PausedUntil)
					if most := min(longest, 30*time.Second); pause < most/2 || pause >= most {
						t.Errorf("the pause is %v, want a half to the whole of %v", pause, most)
					}
					before := s.count()
					for range 100 {
						fail()
					}
					wantRequests(t, s, before, "in the pause")
					time.Sleep(pause)
					fail()
					wantRequests(t, s, before+1, "after the pause")
					fail()
					wantRequests(t, s, before+1, "in the next pause")
				}
				time.Sleep(30 * time.Second)
				s.set(200, inactive)
				wantReason(t, v, opaque, consumer.ReasonInactive)
				wantReason(t, v, "other", consumer.ReasonInactive)
				if !v.Stats().PausedUntil.IsZero() {
					t.Error("the breaker is not closed")
				}
				s.set(500, "") // the count of failures begins again
				before := s.count()
				for range 5 {
					fail()
				}
				wantRequests(t, s, before+3, "after the recovery")
			})
		})
	}
}

// While one request tests the server, all others fail at once.
func TestBreakerTestsWithOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(500, "")
		v := newVerifier(t, s, nil)
		for i := range 3 {
			_, _ = v.Verify(t.Context(), fmt.Sprintf("t%d", i))
		}
		time.Sleep(time.Second)
		s.set(0, "")
		for i := range 100 {
			go func() { _, _ = v.Verify(t.Context(), fmt.Sprintf("test-%d", i)) }()
		}
		synctest.Wait()
		wantRequests(t, s, 4, "one test")
		time.Sleep(2 * time.Second)
		wantRequests(t, s, 4, "one test that failed")
	})
}

// A cached token is accepted during a pause, until its entry ends.
func TestBreakerKeepsCachedTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		v := newVerifier(t, s, nil)
		wantReason(t, v, opaque, "")
		s.set(503, "")
		for i := range 3 {
			_, _ = v.Verify(t.Context(), fmt.Sprintf("t%d", i))
		}
		wantReason(t, v, opaque, "")
		time.Sleep(time.Minute)
		wantReason(t, v, opaque, consumer.ReasonIntrospectionUnavailable) // never accepted without the server
	})
}

// A response that depends on the token does not count. Otherwise a few malformed tokens would stop all introspections.
func TestBreakerIgnoresResponsesAboutTheToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
	}{{400, `{"error":"invalid_request"}`}, {404, ""}, {413, ""}, {403, ""}, {403, "<html>blocked"}, {200, "<html>"}, {200, `{"active":1}`}, {302, ""}} {
		s := says(c.status, c.body)
		v := newVerifier(t, s, nil)
		for i := range 20 {
			wantReason(t, v, fmt.Sprintf("strange-%d", i), consumer.ReasonIntrospectionUnavailable)
		}
		wantRequests(t, s, 20, fmt.Sprint(c.status, c.body))
	}
}

func TestRetryAfterIsHonored(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"20": 20 * time.Second, "100000": 5 * time.Minute} {
		for _, status := range []int{429, 503} {
			synctest.Test(t, func(t *testing.T) {
				s := new(server)
				s.setFunc(func(*http.Request, url.Values) (int, http.Header, string) {
					return status, http.Header{"Retry-After": {header}}, ""
				})
				v := newVerifier(t, s, nil)
				wantReason(t, v, opaque, consumer.ReasonIntrospectionUnavailable)
				s.set(200, active())
				time.Sleep(want - 1)
				wantReason(t, v, opaque, consumer.ReasonIntrospectionUnavailable)
				wantRequests(t, s, 1, "in the pause")
				time.Sleep(time.Nanosecond)
				wantReason(t, v, opaque, "")
			})
		}
	}
}

func TestWarmFindsWrongSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		respond func(*http.Request, url.Values) (int, http.Header, string)
		edit    func(*client.Config)
		want    consumer.Reason
	}{
		"good":           {func(*http.Request, url.Values) (int, http.Header, string) { return 200, nil, inactive }, nil, ""},
		"credentials":    {func(*http.Request, url.Values) (int, http.Header, string) { return 401, nil, "" }, nil, consumer.ReasonIntrospectionUnavailable},
		"down":           {func(*http.Request, url.Values) (int, http.Header, string) { return 503, nil, "" }, nil, consumer.ReasonIntrospectionUnavailable},
		"always active":  {func(*http.Request, url.Values) (int, http.Header, string) { return 200, nil, active() }, nil, consumer.ReasonIntrospectionUnavailable},
		"always another": {func(*http.Request, url.Values) (int, http.Header, string) { return 200, nil, `{"active":true}` }, nil, consumer.ReasonIntrospectionUnavailable},
		"no endpoint": {nil, func(cfg *client.Config) {
			cfg.Metadata = &oidcdiscovery.Metadata{Issuer: issuerURL}
		}, consumer.ReasonIntrospectionUnavailable},
	} {
		s := new(server)
		s.setFunc(c.respond)
		v := newVerifier(t, s, func(cfg *introspection.Config) {
			cfg.Client = newClient(t, s, c.edit)
			cfg.Accept = func(string) bool { return false } // it is not for the text of Warm
		})
		if v.Health().Ready {
			t.Errorf("%s: ready before the first response", name)
		}
		for range 2 {
			err := v.Warm(t.Context())
			if got := reasonOf(t, err); got != c.want {
				t.Errorf("%s: reason %q (%v)", name, got, err)
			}
		}
		if h := v.Health(); h.Ready != (c.want == "") || h.Issuer != issuerURL || h.Cache.Size != 10_000 {
			t.Errorf("%s: %+v", name, h)
		}
		if c.want == "" {
			wantRequests(t, s, 1, "Warm, twice")
		}
	}
}

func TestGroupIncludesTheVerifier(t *testing.T) {
	t.Parallel()
	s := says(503, "")
	v := newVerifier(t, s, nil)
	group, err := consumer.NewGroup(consumer.GroupConfig{
		Resolve: func(context.Context, string) (*consumer.Consumer, error) { return nil, nil }, Opaque: v,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Warm(t.Context()); !errors.Is(err, consumer.ErrUnavailable) || group.Health().Ready {
		t.Errorf("Warm: %v, health %+v", err, group.Health())
	}
	s.set(200, inactive)
	if err := group.Warm(t.Context()); err != nil || !group.Health().Ready {
		t.Errorf("Warm: %v, health %+v", err, group.Health())
	}
	s.set(200, active())
	wantReason(t, group, opaque, "")
	if n := group.Drop(nil); n != 1 {
		t.Errorf("%d tokens were dropped", n)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		v := newVerifier(t, s, nil)
		wantReason(t, v, opaque, "")
		began := time.Now()
		time.Sleep(time.Second)
		s.set(500, "")
		wantReason(t, v, "x", consumer.ReasonIntrospectionUnavailable)
		got := v.Stats()
		if got.Requests != 2 || got.Failures != 1 || got.ConsecutiveFailures != 1 || !got.LastSuccess.Equal(began) || got.LastError == nil || got.Accepted != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestNewReportsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := introspection.New(introspection.Config{
		ActiveFor: time.Hour, InactiveFor: time.Hour, Timeout: time.Hour, MaxConcurrent: 2000, MaxTokenBytes: -1, ClockSkew: time.Hour,
		StatusTTL: time.Minute, InsecureNoTokenType: true,
	})
	for _, field := range []string{
		"Client", "Audience", "ActiveFor", "InactiveFor", "Timeout", "MaxConcurrent", "MaxTokenBytes", "ClockSkew", "StatusTTL", "InsecureNoTokenType",
	} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field+" ") {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
	if _, err := introspection.New(introspection.Config{Client: new(client.Client), Audience: []string{audience}}); err == nil {
		t.Error("New accepts a zero Client")
	}
	if _, err := introspection.New(introspection.Config{Client: newClient(t, says(200, ""), nil), Audience: []string{audience}, Profile: consumer.ProfileSPIFFE}); err == nil {
		t.Error("New accepts a profile that only fits signed tokens")
	}
}
