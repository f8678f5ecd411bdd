package weblogin_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

// What an API sends after the body does not reach the browser, announced or not, over HTTP/1.1 and HTTP/2.
func TestCaseX14_Trailers(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		w := prepare()
		w.let(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Trailer", "Set-Cookie, X-Announced")
			_, _ = io.WriteString(rw, strings.Repeat("orders", 10_000))
			rw.Header().Set("Set-Cookie", "__Host-session=api")
			rw.Header().Set("X-Announced", "api")
			rw.Header().Set(http.TrailerPrefix+"Clear-Site-Data", `"*"`)
			rw.Header().Set(http.TrailerPrefix+"X-Total", "3")
		})
		server := func(handler http.Handler) *httptest.Server {
			s := httptest.NewUnstartedServer(handler)
			s.EnableHTTP2 = http2
			s.StartTLS()
			t.Cleanup(s.Close)
			return s
		}
		api, site := server(http.HandlerFunc(w.api)), server(w.mux)
		w.site, w.transfer = site.URL, site.Client().Transport
		w.build(t, api.URL, api.Client().Transport, func(cfg *weblogin.Config) { cfg.ProxyHeaders = []string{"X-Total"} })
		u := w.user(t)
		w.signIn(u)
		p := u.do(http.MethodGet, "/api/orders/1", nil)
		if len(p.text) != 60_000 || len(p.Trailer) != 0 || p.Header.Get("Set-Cookie") != "" || p.Header.Get("Trailer") != "" {
			t.Errorf("HTTP/2 %t: %d bytes, trailers %v, headers %v", http2, len(p.text), p.Trailer, p.Header)
		}
	}
}

// Trailers of a request do not reach the API either.
func TestCaseX14_RequestTrailers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	seen := make(chan http.Header, 1)
	w.let(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Trailer.Clone() })
	reader, writer := io.Pipe()
	go func() {
		_, _ = io.WriteString(writer, "body")
		_ = writer.Close()
	}()
	p := u.do(http.MethodPost, "/api/orders/1", func(r *http.Request) {
		r.Body, r.ContentLength = reader, -1
		r.Trailer = http.Header{"X-Forwarded-User": {"root"}}
	})
	if got := <-seen; len(got) != 0 || p.StatusCode != http.StatusOK {
		t.Error(p.Status, got)
	}
}

// rawWorld is a world whose API sends text as its response to each request, whatever that is.
func rawWorld(t *testing.T, text string, changes ...func(*weblogin.Config)) *world {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}))
	t.Cleanup(api.Close)
	w := prepare()
	site := httptest.NewTLSServer(w.mux)
	t.Cleanup(site.Close)
	w.site, w.transfer = site.URL, site.Client().Transport
	w.build(t, api.URL, nil, changes...)
	return w
}

// An API cannot switch the protocol and then write responses of its own to the connection of the browser.
func TestCaseX14_SwitchedProtocol(t *testing.T) {
	t.Parallel()
	const second = "HTTP/1.1 200 OK\r\nSet-Cookie: __Host-session=api\r\nContent-Length: 2\r\n\r\nhi"
	for _, first := range []string{
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 042 Unknown\r\n\r\n",
	} {
		w := rawWorld(t, first+second)
		u := w.user(t)
		w.signIn(u)
		p := u.do(http.MethodGet, "/api/orders/1", nil)
		if p.StatusCode != http.StatusBadGateway || p.Header.Get("Set-Cookie") != "" || strings.Contains(p.text, "hi") {
			t.Errorf("%q: %s, %v, %q", first, p.Status, p.Header, p.text)
		}
	}
}

// Informational responses of an API neither reach the browser nor remove the headers of the application.
func TestCaseX14_InformationalResponses(t *testing.T) {
	t.Parallel()
	const early = "HTTP/1.1 103 Early Hints\r\nSet-Cookie: __Host-session=api\r\nLink: </x>; rel=preload\r\n\r\n"
	w := rawWorld(t, early+early+"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", func(cfg *weblogin.Config) {
		cfg.Sessions.IdleTimeout = time.Hour
	})
	u := w.user(t)
	w.signIn(u)
	session := u.cookie()
	p := u.do(http.MethodGet, "/api/orders/1", nil)
	if cookies := p.Header.Values("Set-Cookie"); len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-session="+session+";") {
		t.Errorf("%s, cookies %q, want one that extends the session", p.Status, cookies)
	}
	if p.text != "hi" || p.Header.Get("Link") != "" || p.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%q, %v", p.text, p.Header)
	}
}

// All JavaScript types of the WHATWG MIME Sniffing Standard become text, however they are written.
func TestCaseX15_Scripts(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	for _, kind := range []string{
		"application/ecmascript", "application/javascript", "application/x-ecmascript", "application/x-javascript", "text/ecmascript",
		"text/javascript", "text/javascript1.0", "text/javascript1.1", "text/javascript1.2", "text/javascript1.3", "text/javascript1.4",
		"text/javascript1.5", "text/jscript", "text/livescript", "text/x-ecmascript", "text/x-javascript",
		"text/css", "text/xsl", "application/wasm", "multipart/x-mixed-replace", "", "/", "text/javascript, text/html",
	} {
		for _, sent := range []string{kind, strings.ToUpper(kind), kind + "; charset=utf-8", kind + ";x", " " + kind + " ; a=\"b\"", kind + ";a=b;a=c"} {
			w.let(func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header()["Content-Type"] = []string{sent}
				_, _ = io.WriteString(rw, "alert(1)")
			})
			if p := u.do(http.MethodGet, "/api/orders/1", nil); p.Header.Get("Content-Type") != "text/plain" || p.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%q: %q", sent, p.Header.Get("Content-Type"))
			}
		}
	}
}

// A body without a Content-Type receives one: otherwise net/http would guess it from content that users of the API wrote.
func TestCaseX15_NoType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	for _, body := range []string{"\x00asm\x01\x00\x00\x00", "<html><script>alert(1)</script>", "%PDF-", "{}", ""} {
		w.let(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header()["Content-Type"] = nil
			_, _ = io.WriteString(rw, body)
		})
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			if p := u.do(method, "/api/orders/1", nil); p.Header.Get("Content-Type") != "application/octet-stream" {
				t.Errorf("%s %q: %q", method, body, p.Header.Get("Content-Type"))
			}
		}
	}
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		w.let(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) })
		if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != status || p.Header.Get("Content-Type") != "" {
			t.Error(p.Status, p.Header)
		}
	}
}

// stalled is a body that sends a little, and then nothing.
type stalled struct {
	first *strings.Reader
	ctx   context.Context //nolint:containedctx // that of a test
}

func (s *stalled) Read(into []byte) (int, error) {
	if s.first.Len() > 0 {
		return s.first.Read(into)
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (s *stalled) Close() error { return nil }

// The time for an API begins with the request. An upload that stalls does not outlast it, small or large, and neither does a
// refresh or a session store that hangs.
func TestCaseX18_Stalls(t *testing.T) {
	t.Parallel()
	upload := func(sent string, length int64) func(*testing.T, *world, *http.Request) {
		return func(t *testing.T, _ *world, r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, &stalled{strings.NewReader(sent), t.Context()}, length
		}
	}
	for name, stall := range map[string]func(*testing.T, *world, *http.Request){
		"a small upload":            upload("x", 10),
		"an upload that sends none": upload("", 10),
		"a large upload":            upload(strings.Repeat("x", 200<<10), 1<<20),
		"an upload without length":  upload("x", -1),
		"a refresh": func(_ *testing.T, w *world, _ *http.Request) {
			time.Sleep(2 * time.Hour)
			w.meanwhile(func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.APITimeout = 10 * time.Second })
				w.let(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
				u := w.user(t)
				w.signIn(u)
				var begun time.Time
				p := u.do(http.MethodGet, "/api/orders/1", func(r *http.Request) {
					stall(t, w, r)
					begun = time.Now()
				})
				if took := time.Since(begun); p.StatusCode != http.StatusGatewayTimeout || took != 10*time.Second { // of virtual time
					t.Errorf("%s after %v", p.Status, took)
				}
				time.Sleep(10 * time.Minute) // a refresh goes on for others until its own time is over
			})
		})
	}
}

// The same over a connection, where the server waits for a Read of the body that is in progress.
func TestCaseX18_StalledConnection(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration
		sent    string
		length  string
		api     http.HandlerFunc
		want    string
	}{
		"a small upload": {50 * time.Millisecond, "x", "Content-Length: 10", nil, "504 "},
		"a large upload": {50 * time.Millisecond, strings.Repeat("x", 100<<10), "Content-Length: 999999", nil, "504 "},
		"in chunks":      {50 * time.Millisecond, "1\r\nx\r\n", "Transfer-Encoding: chunked", nil, "504 "},
		"an API that does not wait": {time.Hour, strings.Repeat("x", 100<<10), "Content-Length: 999999", func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusTeapot)
		}, "418 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *weblogin.Config) { cfg.APITimeout = test.timeout })
			w.direct = test.api
			if test.api == nil {
				w.direct = func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
			}
			u := w.user(t)
			w.signIn(u)
			site, err := url.Parse(w.site)
			if err != nil {
				t.Fatal(err)
			}
			dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
			conn, err := dialer.DialContext(t.Context(), "tcp", site.Host)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = fmt.Fprintf(conn, "POST /api/orders/1 HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: __Host-session=%s\r\n%s\r\n\r\n%s",
				site.Host, w.site, u.cookie(), test.length, test.sent)
			if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil { // so that a failure ends
				t.Fatal(err)
			}
			text, err := io.ReadAll(bufio.NewReader(conn)) // until the server closes the connection
			if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 "+test.want) || strings.Count(string(text), "HTTP/1.1 ") != 1 {
				t.Errorf("%v, %q", err, text)
			}
		})
	}
}
