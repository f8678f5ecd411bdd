package ssf_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/ssf"
)

const authorization = "Bearer 0123456789abcdef"

func push(t testing.TB, w *world, cfg ssf.PushConfig) http.Handler {
	t.Helper()
	h, err := w.receiver.PushHandler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// pushed returns a request with a SET.
func pushed(t testing.TB, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/secevent+jwt")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", authorization)
	return r
}

// The responses are those of RFC 8935 sections 2.2 to 2.4.
func TestPush_Responses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(w *world, s *bearertest.Token) // of the SET
		fail   bool                                // the Storage fails
		edit   func(r *http.Request)
		status int
		code   string
		denied bool
	}{
		"a SET": {status: http.StatusAccepted, denied: true},
		"media type with a parameter": {edit: func(r *http.Request) {
			r.Header.Set("Content-Type", "Application/SecEvent+JWT; charset=utf-8")
		}, status: http.StatusAccepted, denied: true},
		"the other value of Authorization": {edit: func(r *http.Request) { r.Header.Set("Authorization", "Bearer fedcba9876543210") }, status: http.StatusAccepted, denied: true},
		"a wrong key":                      {change: func(_ *world, s *bearertest.Token) { s.EditSignature(func(b []byte) []byte { b[0] ^= 1; return b }) }, status: http.StatusBadRequest, code: "invalid_key"},
		"a wrong issuer":                   {change: func(_ *world, s *bearertest.Token) { s.Set("iss", "https://other.test") }, status: http.StatusBadRequest, code: "invalid_issuer"},
		"a wrong audience":                 {change: func(_ *world, s *bearertest.Token) { s.Set("aud", "other") }, status: http.StatusBadRequest, code: "invalid_audience"},
		"exp":                              {change: func(_ *world, s *bearertest.Token) { s.Set("exp", 1) }, status: http.StatusBadRequest, code: "invalid_request"},
		"an unexpected state": {change: func(_ *world, s *bearertest.Token) {
			s.Set("events", object{ssf.TypeVerification: object{"state": "x"}})
		}, status: http.StatusBadRequest, code: "invalid_state"},
		"no Authorization":      {edit: func(r *http.Request) { r.Header.Del("Authorization") }, status: http.StatusBadRequest, code: "authentication_failed"},
		"a wrong Authorization": {edit: func(r *http.Request) { r.Header.Set("Authorization", authorization+"x") }, status: http.StatusBadRequest, code: "authentication_failed"},
		"a prefix of it":        {edit: func(r *http.Request) { r.Header.Set("Authorization", authorization[:20]) }, status: http.StatusBadRequest, code: "authentication_failed"},
		"two headers":           {edit: func(r *http.Request) { r.Header.Add("Authorization", authorization) }, status: http.StatusBadRequest, code: "authentication_failed"},
		"the Storage fails":     {fail: true, status: http.StatusServiceUnavailable},
		"GET":                   {edit: func(r *http.Request) { r.Method = http.MethodGet }, status: http.StatusMethodNotAllowed},
		"another media type":    {edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/jwt") }, status: http.StatusUnsupportedMediaType},
		"no media type":         {edit: func(r *http.Request) { r.Header.Del("Content-Type") }, status: http.StatusUnsupportedMediaType},
		"a body that is too long": {edit: func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", 64<<10+1)))
		}, status: http.StatusRequestEntityTooLarge},
		"an empty body": {edit: func(r *http.Request) { r.Body = http.NoBody }, status: http.StatusBadRequest, code: "invalid_request"},
		"a body that breaks": {edit: func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("x"), brokenReader{}))
		}, status: http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			token := w.issuer.AccessToken().Sign()
			s := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
			if tt.change != nil {
				tt.change(w, s)
			}
			r := pushed(t, s.Sign())
			if tt.edit != nil {
				tt.edit(r)
			}
			if tt.fail {
				w.storage.set(nil, errDown)
			}
			recorder := httptest.NewRecorder()
			push(t, w, ssf.PushConfig{Authorization: []string{"Bearer fedcba9876543210", authorization}}).ServeHTTP(recorder, r)
			header := recorder.Header()
			if recorder.Code != tt.status || header.Get("Cache-Control") != "no-store" {
				t.Errorf("status %d, Cache-Control %q, want %d and no-store", recorder.Code, header.Get("Cache-Control"), tt.status)
			}
			w.storage.set(nil, nil)
			if w.accepts(t, token) == tt.denied {
				t.Errorf("the token is denied: %v, want %v", !tt.denied, tt.denied)
			}
			if tt.code == "" {
				if recorder.Body.Len() > 0 {
					t.Errorf("the response has a body: %s", recorder.Body)
				}
			} else {
				var body map[string]string
				if err := json.Unmarshal(recorder.Body.Bytes(), &body); err != nil || body["err"] != tt.code || body["description"] == "" || len(body) != 2 {
					t.Errorf("body %s, want err %q", recorder.Body, tt.code)
				}
				if header.Get("Content-Type") != "application/json" || header.Get("Content-Language") != "en" {
					t.Errorf("header %v", header)
				}
			}
			if retry := header.Get("Retry-After") != ""; retry != (tt.status == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After is %q", header.Get("Retry-After"))
			}
			if allow := header.Get("Allow"); (allow == "POST") != (tt.status == http.StatusMethodNotAllowed) {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The descriptions show nothing about the SET.
func TestPush_SameDescriptionForEverySET(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	h := push(t, w, ssf.PushConfig{})
	bodies := make(map[string]bool)
	for _, change := range []func(*bearertest.Token){
		func(s *bearertest.Token) { s.Set("exp", 1) }, func(s *bearertest.Token) { s.Set("iat", nil) },
		func(s *bearertest.Token) { s.Set("sub_id", 1) }, func(s *bearertest.Token) { s.SetHeader("typ", "at+jwt") },
	} {
		s := w.set(ssf.TypeAccountDisabled, w.alice(), nil)
		change(s)
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, pushed(t, s.Sign()))
		bodies[recorder.Body.String()] = true
	}
	if len(bodies) != 1 {
		t.Errorf("%d different bodies, want 1: %v", len(bodies), bodies)
	}
}

// Requests beyond MaxConcurrent receive 503 at once, and later ones are handled.
func TestPush_Concurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *ssf.Config) {
			c.OnEvent = func(context.Context, ssf.Event) error { time.Sleep(time.Second); return nil }
		})
		h := push(t, w, ssf.PushConfig{MaxConcurrent: 3})
		statuses := make(chan int, 10)
		for range 10 {
			raw := w.set(ssf.TypeAccountDisabled, w.alice(), nil).Sign()
			go func() {
				recorder := httptest.NewRecorder()
				h.ServeHTTP(recorder, pushed(t, raw))
				statuses <- recorder.Code
			}()
		}
		synctest.Wait()
		if len(statuses) != 7 {
			t.Errorf("%d requests were rejected at once, want 7", len(statuses))
		}
		got := make(map[int]int)
		for range 10 {
			got[<-statuses]++
		}
		if got[http.StatusServiceUnavailable] != 7 || got[http.StatusAccepted] != 3 {
			t.Errorf("statuses %v, want 7 of 503 and 3 of 202", got)
		}
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, pushed(t, w.set(ssf.TypeAccountDisabled, w.alice(), nil).Set("jti", "later").Sign()))
		if recorder.Code != http.StatusAccepted {
			t.Errorf("a later request: %d", recorder.Code)
		}
	})
}

// A sender that does not finish its body is cut off after Config.Timeout, although the server has no timeout of its own.
func TestPush_SlowBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ssf.Config) { c.Timeout = 50 * time.Millisecond })
	server := httptest.NewServer(push(t, w, ssf.PushConfig{}))
	defer server.Close()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close() //nolint:errcheck // only read
	const begun = "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/secevent+jwt\r\nContent-Length: 1000\r\n\r\nx"
	if _, err := io.WriteString(connection, begun); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", response.StatusCode)
	}
}

func TestPushHandler_Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, cfg := range map[string]ssf.PushConfig{
		"PushConfig.Authorization has 11":  {Authorization: strings.Split(strings.Repeat(authorization+",", 10)+authorization, ",")},
		"less than 16 bytes":               {Authorization: []string{"Bearer x"}},
		"PushConfig.MaxConcurrent is -1":   {MaxConcurrent: -1},
		"PushConfig.MaxConcurrent is 1001": {MaxConcurrent: 1001},
	} {
		if _, err := w.receiver.PushHandler(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not contain %q: %v", name, err)
		}
	}
}
