package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// everywhere returns requests to all endpoints to which this package sends secrets.
func everywhere(t *testing.T, transport http.RoundTripper) map[string]func(context.Context) error {
	t.Helper()
	cfg := client.Config{
		Issuer: issuerURL, ClientID: "app", ClientSecret: "client-secret", AuthMethod: client.AuthPost,
		HTTPClient: &http.Client{Transport: transport},
		Metadata: &oidcdiscovery.Metadata{
			Issuer: issuerURL, TokenEndpoint: issuerURL + "/token", DeviceAuthorizationEndpoint: issuerURL + "/device",
			BackchannelAuthenticationEndpoint: issuerURL + "/ciba", PushedAuthorizationRequestEndpoint: issuerURL + "/par",
			RevocationEndpoint: issuerURL + "/revoke", IntrospectionEndpoint: issuerURL + "/introspect",
			UserinfoEndpoint: issuerURL + "/userinfo", RegistrationEndpoint: issuerURL + "/register",
		},
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	registrar, err := client.NewRegistrationEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	known := &client.Registration{ClientID: "c", AccessToken: "registration-secret", URI: issuerURL + "/register/c"}
	all := map[string]func(context.Context) error{
		"device": func(ctx context.Context) error { _, err := c.StartDevice(ctx, client.DeviceOptions{}); return err },
		"CIBA": func(ctx context.Context) error {
			_, err := c.StartCIBA(ctx, client.CIBAOptions{LoginHint: "a"})
			return err
		},
		"PAR": func(ctx context.Context) error {
			_, _, err := c.PushAuthorization(ctx, url.Values{"x": {"request-secret"}})
			return err
		},
		"revocation":    func(ctx context.Context) error { return c.Revoke(ctx, "token-secret", "") },
		"introspection": func(ctx context.Context) error { _, err := c.Introspect(ctx, "token-secret", ""); return err },
		"userinfo":      func(ctx context.Context) error { _, err := c.UserInfo(ctx, "token-secret", "alice"); return err },
		"authenticators": func(ctx context.Context) error {
			_, err := c.MFAAuthenticators(ctx, "mfa-secret")
			return err
		},
		"challenge": func(ctx context.Context) error { _, err := c.MFARequestOOB(ctx, "mfa-secret", ""); return err },
		"association": func(ctx context.Context) error {
			_, err := c.MFAAssociate(ctx, "mfa-secret", client.MFAAssociation{Type: "otp"})
			return err
		},
		"register": func(ctx context.Context) error {
			_, err := registrar.Register(ctx, client.ClientMetadata{}, "initial-secret")
			return err
		},
		"read": func(ctx context.Context) error { _, err := registrar.Read(ctx, known); return err },
		"update": func(ctx context.Context) error {
			_, err := registrar.Update(ctx, known, client.ClientMetadata{})
			return err
		},
		"delete": func(ctx context.Context) error { return registrar.Delete(ctx, known) },
	}
	for name, grant := range grants(t, c) {
		all[name] = func(context.Context) error { _, err := grant(); return err }
	}
	all["token"] = func(ctx context.Context) error { _, err := c.ClientCredentials(ctx); return err }
	return all
}

func TestC12_NoRedirectAnywhere(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(status, good, map[string]string{"Location": "https://u:p-secret@evil.test/token?code=secret#secret"})
		}}
		for name, ask := range everywhere(t, s) {
			before := len(s.requests)
			err := ask(t.Context())
			if !errors.Is(err, client.ErrBadResponse) || errors.Is(err, client.ErrUnavailable) || len(s.requests) != before+1 {
				t.Errorf("%s: %d: %v after %d requests", name, status, err, len(s.requests)-before)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "secret") {
				t.Errorf("%s: a secret in %s", name, text)
			}
		}
	}
}

// stream is a response whose body arrives in parts.
func stream(status int, body io.Reader, header http.Header) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: header.Clone(), Body: io.NopCloser(body), ContentLength: -1, Request: r,
		}, nil
	})
}

type endless struct{ read *int }

func (e endless) Read(p []byte) (int, error) {
	*e.read += len(p)
	return copy(p, strings.Repeat(" ", len(p))), nil
}

func TestC12_EndlessResponse(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		200: client.ErrBadResponse, 201: client.ErrBadResponse, 400: client.ErrBadResponse, 429: client.ErrUnavailable, 503: client.ErrUnavailable,
	} {
		read := 0
		for name, ask := range everywhere(t, stream(status, endless{&read}, nil)) {
			read = 0
			if err := ask(t.Context()); !errors.Is(err, want) || read > 3<<20 {
				t.Errorf("%s: %d: %v after %d bytes", name, status, err, read)
			}
		}
	}
	long := http.Header{"Www-Authenticate": {strings.Repeat("x", 70<<10)}}
	for name, ask := range everywhere(t, stream(401, strings.NewReader("{}"), long)) {
		if err := ask(t.Context()); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%s: a long header: %v", name, err)
		}
	}
}

type silent struct{ ctx context.Context } //nolint:containedctx // it reads on behalf of one request

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

// A server that does not respond, or stops in the middle, is given 30 s. If the caller's context ends first, that is not an
// outage.
func TestC12_EndlessWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(silent{r.Context()}), ContentLength: -1, Request: r}, nil
		})
		for name, ask := range everywhere(t, slow) {
			start := time.Now()
			if err := ask(t.Context()); !errors.Is(err, client.ErrUnavailable) || time.Since(start) != 30*time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := everywhere(t, slow)["token"](ctx)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, client.ErrUnavailable) {
			t.Errorf("the end of the context: %v", err)
		}
	})
}

// No error text and no URL contains a secret.
func TestC3_C11_NoSecretInErrorsAndURLs(t *testing.T) {
	t.Parallel()
	echo := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(r.URL.String(), "secret") || strings.Contains(r.URL.String(), "hunter2") {
			t.Errorf("a secret in the URL: %s", r.URL)
		}
		said := fmt.Sprintf(`{"error":"invalid_request","error_description":%q,"mfa_token":"mfa-secret"}`, body)
		return written(400, said+" hunter2 secret", nil).Result(), nil
	})
	for name, ask := range everywhere(t, echo) {
		err := ask(t.Context())
		refusal, ok := errors.AsType[*client.Error](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := fmt.Sprintf("%v %+v %#v %s %q %#v %v", err, err, err, err, err, *refusal, refusal.LogValue())
		for _, secret := range []string{"secret", "hunter2", "123456"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: %s in %s", name, secret, text)
			}
		}
	}
}

// After an error response, a code or a token that works once is not sent again, by another method or at all.
func TestC3_C11_NothingIsSentTwice(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 429, 500, 503} {
		s := says(status, `{"error":"invalid_client"}`)
		for name, ask := range everywhere(t, s) {
			before := len(s.requests)
			if err := ask(t.Context()); !errors.Is(err, client.ErrInvalidClient) || len(s.requests) != before+1 {
				t.Errorf("%s: %d: %v after %d requests", name, status, err, len(s.requests)-before)
			}
		}
	}
}
