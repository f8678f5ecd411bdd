package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

const deviceStarted = `{"device_code":"dc","user_code":"AB-CD","verification_uri":"https://login.test/d","expires_in":600}`

func deviceClient(t testing.TB, s *server) *client.Client {
	t.Helper()
	return newClient(t, s, func(cfg *client.Config) {
		cfg.Metadata.DeviceAuthorizationEndpoint = issuerURL + "/device"
		cfg.Metadata.BackchannelAuthenticationEndpoint = issuerURL + "/ciba"
		cfg.Scopes = []string{"a"}
	})
}

func TestC22_StartDevice(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body     string
		ok       bool
		interval time.Duration
		uri      string
	}{
		"good":          {deviceStarted, true, 5 * time.Second, "https://login.test/d"},
		"strings":       {`{"device_code":"dc","user_code":"u","verification_uri":"https://login.test/d","expires_in":"600","interval":"7"}`, true, 7 * time.Second, "https://login.test/d"},
		"a draft's":     {`{"device_code":"dc","user_code":"u","verification_url":"https://login.test/e","expires_in":600}`, true, 5 * time.Second, "https://login.test/e"},
		"no expiry":     {`{"device_code":"dc","user_code":"u","verification_uri":"https://login.test/d"}`, false, 0, ""},
		"no user code":  {`{"device_code":"dc","verification_uri":"https://login.test/d","expires_in":600}`, false, 0, ""},
		"no address":    {`{"device_code":"dc","user_code":"u","expires_in":600}`, false, 0, ""},
		"plain http":    {`{"device_code":"dc","user_code":"u","verification_uri":"http://login.test/d","expires_in":600}`, false, 0, ""},
		"a script":      {`{"device_code":"dc","user_code":"u","verification_uri":"https://login.test/d","verification_uri_complete":"javascript:x","expires_in":600}`, false, 0, ""},
		"an error":      {`{"error":"invalid_scope"}`, false, 0, ""},
		"not an object": {`[]`, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := says(200, test.body)
			d, err := deviceClient(t, s).StartDevice(t.Context(), client.DeviceOptions{})
			if (err == nil) != test.ok {
				t.Fatal(err)
			}
			want := url.Values{"scope": {"a"}} // no grant_type
			if diff := cmp.Diff(want, s.lastForm()); diff != "" || s.requests[0].Header.Get("Authorization") == "" {
				t.Error(diff)
			}
			if err == nil && (d.Interval != test.interval || d.VerificationURI != test.uri || d.ExpiresIn.Round(time.Second) != 600*time.Second) {
				t.Errorf("%v %v %s", d.Interval, d.ExpiresIn, d.VerificationURI)
			}
		})
	}
}

func TestC22_DeviceEndpoints(t *testing.T) {
	t.Parallel()
	for want, test := range map[string]struct{ metadata, config string }{
		"https://login.test/m": {metadata: "https://login.test/m"},
		"https://login.test/a": {config: "https://login.test/a"},
		"https://login.test/c": {metadata: "https://login.test/m", config: "https://login.test/c"},
	} {
		s := says(200, deviceStarted)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.Metadata.DeviceAuthorizationEndpoint = test.metadata
			if test.config != "" {
				cfg.Endpoints = map[string]string{"device_authorization_endpoint": test.config}
			}
		})
		if _, err := c.StartDevice(t.Context(), client.DeviceOptions{}); err != nil || s.requests[0].URL.String() != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	c := newClient(t, says(200, deviceStarted), nil)
	if _, err := c.StartDevice(t.Context(), client.DeviceOptions{}); !errors.Is(err, client.ErrUnsupported) {
		t.Error(err)
	}
}

// script responds to each request with the next reply, and records when the request arrived.
type script struct {
	*server
	started time.Time
	at      []time.Duration
}

type reply struct {
	status int
	body   string
	header map[string]string
}

func scripted(replies ...reply) *script {
	s := &script{server: &server{}, started: time.Now()}
	s.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		next := replies[min(len(s.at), len(replies)-1)]
		s.at = append(s.at, time.Since(s.started))
		return written(next.status, next.body, next.header)
	}
	return s
}

func says400(code string) reply { return reply{400, `{"error":"` + code + `"}`, nil} }

func seconds(all ...int) (times []time.Duration) {
	for _, s := range all {
		times = append(times, time.Duration(s)*time.Second)
	}
	return times
}

// There is one request per interval, whatever the client authentication. Every wait ends with ctx, and when the code
// expires.
func TestC23_C24_WaitDevice(t *testing.T) {
	t.Parallel()
	pending, slow, token := says400("authorization_pending"), says400("slow_down"), reply{200, good, nil}
	for name, test := range map[string]struct {
		replies []reply
		want    []time.Duration
		err     error
	}{
		"waits first":          {[]reply{token}, seconds(5), nil},
		"goes on":              {[]reply{pending, pending, token}, seconds(5, 10, 15), nil},
		"slows down for good":  {[]reply{slow, slow, pending, token}, seconds(5, 15, 30, 45), nil},
		"slow_down by 429":     {[]reply{{429, slow.body, nil}, token}, seconds(5, 15), nil},
		"Retry-After":          {[]reply{{503, "", map[string]string{"Retry-After": "40"}}, token}, seconds(5, 45), nil},
		"backs off, and on":    {[]reply{{500, "", nil}, {502, "", nil}, pending, token}, seconds(5, 15, 35, 40), nil},
		"denied":               {[]reply{pending, says400("access_denied"), token}, seconds(5, 10), client.ErrAccessDenied},
		"ended":                {[]reply{says400("expired_token"), token}, seconds(5), client.ErrExpiredToken},
		"another refusal":      {[]reply{says400("invalid_grant"), token}, seconds(5), client.ErrInvalidGrant},
		"an answer like a bug": {[]reply{{200, `{"access_token":1}`, nil}, token}, seconds(5), client.ErrBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := scripted(test.replies...)
				d := &client.DeviceAuthorization{DeviceCode: "dc", ExpiresIn: 10 * time.Minute}
				_, err := deviceClient(t, s.server).WaitDevice(t.Context(), d)
				if !errors.Is(err, test.err) || test.err == nil && err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(test.want, s.at); diff != "" {
					t.Error(diff)
				}
				want := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"dc"}}
				if diff := cmp.Diff(want, s.lastForm()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestC23_WaitDeviceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says400("authorization_pending"))
		c, d := deviceClient(t, s.server), &client.DeviceAuthorization{DeviceCode: "dc", ExpiresIn: 17 * time.Second}
		start := time.Now()
		if _, err := c.WaitDevice(t.Context(), d); !errors.Is(err, client.ErrExpiredToken) || time.Since(start) != 17*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start = time.Now()
		if _, err := c.WaitDevice(ctx, d); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 200*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if len(s.at) != 3 {
			t.Errorf("%d requests", len(s.at))
		}
	})
}

func TestC23_NetworkErrorsAreRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		down := roundTrip(func(r *http.Request) (*http.Response, error) {
			if calls++; calls < 4 {
				return nil, errors.New("no route")
			}
			response := written(200, good, nil).Result()
			response.Request = r
			return response, nil
		})
		c := newClient(t, nil, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: down} })
		d := &client.DeviceAuthorization{DeviceCode: "dc", ExpiresIn: time.Hour}
		if token, err := c.WaitDevice(t.Context(), d); err != nil || token.AccessToken != "at" || calls != 4 {
			t.Errorf("%v, %v after %d calls", token, err, calls)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCIBA(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(reply{200, `{"auth_req_id":"r","expires_in":60,"interval":2}`, nil}, says400("authorization_pending"), reply{200, good, nil})
		c := deviceClient(t, s.server)
		a, err := c.StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "alice", BindingMessage: "W4", RequestedExpiry: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"scope": {"a"}, "login_hint": {"alice"}, "binding_message": {"W4"}, "requested_expiry": {"60"}}
		if diff := cmp.Diff(want, s.lastForm()); diff != "" {
			t.Error(diff)
		}
		if _, err := c.WaitCIBA(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		want = url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {"r"}}
		if diff := cmp.Diff(want, s.lastForm()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(seconds(0, 2, 4), s.at); diff != "" {
			t.Error(diff)
		}
	})
	for _, body := range []string{`{"expires_in":60}`, `{"auth_req_id":"r"}`} {
		if _, err := deviceClient(t, says(200, body)).StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "a"}); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestC34_C35_C36_C37_MFA(t *testing.T) {
	t.Parallel()
	var answer string
	s := &server{}
	s.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder { return written(200, answer, nil) }
	for _, base := range []string{"", issuerURL + "/mfa", issuerURL + "/mfa/"} {
		c := newClient(t, s, func(cfg *client.Config) { cfg.MFAURL = base })
		answer = `[{"id":"otp|1","authenticator_type":"otp","active":false},{"id":"sms|2","authenticator_type":"oob","active":true,"oob_channel":"sms","name":"+49"}]`
		all, err := c.MFAAuthenticators(t.Context(), "mfa")
		want := []client.MFAAuthenticator{
			{ID: "otp|1", Type: "otp"}, {ID: "sms|2", Type: "oob", Active: true, OOBChannel: "sms", Name: "+49"},
		}
		if diff := cmp.Diff(want, all); err != nil || diff != "" {
			t.Error(err, diff)
		}
		last := s.requests[len(s.requests)-1]
		if last.URL.String() != issuerURL+"/mfa/authenticators" || last.Header.Get("Authorization") != "Bearer mfa" || last.Method != http.MethodGet {
			t.Errorf("%s %s", last.Method, last.URL)
		}
	}
	c := newClient(t, s, nil)
	answer = `[]`
	if all, err := c.MFAAuthenticators(t.Context(), "mfa"); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
	for _, answer = range []string{`{}`, `[1]`, `nonsense`, `[]}`, `[],"x":1`} {
		if _, err := c.MFAAuthenticators(t.Context(), "mfa"); err == nil {
			t.Errorf("%s: accepted", answer)
		}
	}
	answer = `{"challenge_type":"oob","oob_code":"o"}` // a push: no binding_method
	push, err := c.MFARequestOOB(t.Context(), "mfa", "push|1")
	if err != nil || push.NeedsCode() {
		t.Fatal(push, err)
	}
	if diff := cmp.Diff(url.Values{"mfa_token": {"mfa"}, "challenge_type": {"oob"}, "authenticator_id": {"push|1"}}, s.lastForm()); diff != "" {
		t.Error(diff)
	}
	answer = `{"challenge_type":"oob","oob_code":"o","binding_method":"prompt"}`
	if sms, err := c.MFARequestOOB(t.Context(), "mfa", "sms|1"); err != nil || !sms.NeedsCode() {
		t.Error(sms, err)
	}
	if _, err := c.MFARequestOTP(t.Context(), "mfa", "otp|1"); !errors.Is(err, client.ErrBadResponse) {
		t.Errorf("another challenge: %v", err)
	}
	answer = `{"challenge_type":"otp"}`
	if _, err := c.MFARequestOTP(t.Context(), "mfa", "otp|1"); err != nil {
		t.Error(err)
	}
	answer = good
	for grant, complete := range map[string]func() (*client.Token, error){
		"otp":           func() (*client.Token, error) { return c.MFACompleteOTP(t.Context(), "mfa", "123") },
		"oob":           func() (*client.Token, error) { return c.MFACompleteOOB(t.Context(), "mfa", "o", "") },
		"recovery-code": func() (*client.Token, error) { return c.MFACompleteRecoveryCode(t.Context(), "mfa", "r") },
	} {
		if _, err := complete(); err != nil {
			t.Error(err)
		}
		form := s.lastForm()
		if form.Get("grant_type") != "http://auth0.com/oauth/grant-type/mfa-"+grant || form.Has("challenge_type") || form.Has("scope") || form.Has("binding_code") {
			t.Errorf("%s: %v", grant, form)
		}
	}
}

func TestC36_MFAWaitOOB(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := scripted(says400("authorization_pending"), says400("slow_down"), reply{200, good, nil})
		if _, err := newClient(t, s.server, nil).MFAWaitOOB(t.Context(), "mfa", &client.MFAChallenge{OOBCode: "o"}); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(seconds(5, 10, 20), s.at); diff != "" {
			t.Error(diff)
		}
		final := scripted(says400("invalid_grant"))
		if _, err := newClient(t, final.server, nil).MFAWaitOOB(t.Context(), "mfa", &client.MFAChallenge{}); !errors.Is(err, client.ErrInvalidGrant) {
			t.Error(err)
		}
	})
}

func TestC30_RevokeAndIntrospect(t *testing.T) {
	t.Parallel()
	places := func(cfg *client.Config) {
		cfg.Metadata.RevocationEndpoint, cfg.Metadata.IntrospectionEndpoint = issuerURL+"/revoke", issuerURL+"/introspect"
	}
	for body, status := range map[string]int{"": 200, "gone": 200, "{}": 200} {
		s := says(status, body)
		if err := newClient(t, s, places).Revoke(t.Context(), "t", "refresh_token"); err != nil {
			t.Errorf("%q: %v", body, err)
		}
		if diff := cmp.Diff(url.Values{"token": {"t"}, "token_type_hint": {"refresh_token"}}, s.lastForm()); diff != "" {
			t.Error(diff)
		}
	}
	s := says(400, `{"error":"unsupported_token_type"}`)
	if err := newClient(t, s, places).Revoke(t.Context(), "t", ""); !errors.Is(err, client.ErrUnsupportedTokenType) {
		t.Error(err)
	}
	down := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(503, "", map[string]string{"Retry-After": "7"})
	}}
	err := newClient(t, down, places).Revoke(t.Context(), "t", "")
	if e, ok := errors.AsType[*client.Error](err); !ok || e.RetryAfter != 7*time.Second || !errors.Is(err, client.ErrUnavailable) {
		t.Error(err)
	}
	if err := newClient(t, s, nil).Revoke(t.Context(), "t", ""); !errors.Is(err, client.ErrUnsupported) {
		t.Error(err)
	}
	if err := newClient(t, s, places).Revoke(t.Context(), "", ""); err == nil {
		t.Error("Revoke accepts an empty token")
	}
	i, err := newClient(t, says(200, `{"active":true,"sub":"alice"}`), places).Introspect(t.Context(), "t", "")
	if err != nil || !i.Active() {
		t.Fatal(err)
	}
	if sub, _ := i.Claim("sub"); sub != "alice" || fmt.Sprint(i) != "client.Introspection{true}" {
		t.Error(i)
	}
	i, err = newClient(t, says(200, `{"active":false,"sub":"alice"}`), places).Introspect(t.Context(), "t", "")
	if _, said := i.Claim("sub"); err != nil || i.Active() || said || i.Decode(new(any)) == nil {
		t.Error("an inactive token has claims")
	}
	for _, body := range []string{`{}`, `{"active":"true"}`, `[]`} {
		if _, err := newClient(t, says(200, body), places).Introspect(t.Context(), "t", ""); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Every grant for a user verifies the ID token, and a refreshed ID token is compared with the previous one.
func TestC17_C19_OtherGrants(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) { cfg.Scopes = nil })
	for name, grant := range map[string]func() (*client.Token, error){
		"password": func() (*client.Token, error) { return c.Password(t.Context(), "u", "p") },
		"refresh":  func() (*client.Token, error) { return c.Refresh(t.Context(), "r") },
		"device":   func() (*client.Token, error) { return c.PollDevice(t.Context(), "d") },
		"ciba":     func() (*client.Token, error) { return c.PollCIBA(t.Context(), "r") },
		"otp":      func() (*client.Token, error) { return c.MFACompleteOTP(t.Context(), "m", "1") },
	} {
		p.answersToken(p.idToken().Sign())
		if token, err := grant(); err != nil || token.IDClaims.Subject() != "alice" {
			t.Errorf("%s: %v", name, err)
		}
		p.answersToken(p.idToken().Set("aud", "other").Sign())
		token, err := grant()
		if _, ok := errors.AsType[*client.IncompleteError](err); !ok || token != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !slices.ContainsFunc(p.forms, func(f url.Values) bool { return f.Has("auth_req_id") }) {
		t.Error("nothing was sent")
	}
}
