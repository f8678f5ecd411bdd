package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// roundTripper is a transport without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer returns a client that always receives the same status, header and body.
func answer(status int, header http.Header, body string) *http.Client {
	return &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		if header == nil {
			header = http.Header{}
		}
		return &http.Response{
			StatusCode: status, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
		}, nil
	})}
}

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func TestGet(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "Application/JSON; charset=utf-8")
		w.Header().Set("ETag", `"1"`)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Accept")+" "+r.Header.Get("X-Test"))
	})
	header := http.Header{"Accept": {"application/json"}, "X-Test": {"1"}}
	got, err := fetch.Get(t.Context(), s.URL+"/keys?p=1", fetch.Options{
		Client: s.Client(), Header: header,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != http.StatusOK || got.Header.Get("ETag") != `"1"` {
		t.Errorf("status %d, ETag %q", got.Status, got.Header.Get("ETag"))
	}
	if diff := cmp.Diff("GET /keys?p=1 application/json 1", string(got.Body)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(http.Header{"Accept": {"application/json"}, "X-Test": {"1"}}, header); diff != "" {
		t.Errorf("Get changed the header of the caller: %s", diff)
	}
}

// Without options, Get uses the default transport and the default limits.
func TestGetZeroOptions(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	got, err := fetch.Get(t.Context(), s.URL, fetch.Options{})
	if err != nil || string(got.Body) != "x" {
		t.Fatalf("%v, %v", got, err)
	}
}

func TestK15_NotModified(t *testing.T) {
	t.Parallel()
	client := answer(http.StatusNotModified, http.Header{"Etag": {`"1"`}}, "")

	got, err := fetch.Get(t.Context(), "https://a.example", fetch.Options{
		Client: client, Header: http.Header{"If-None-Match": {`"1"`}},
	})
	if err != nil || got.Status != http.StatusNotModified || len(got.Body) != 0 {
		t.Errorf("conditional request: %v, %v", got, err)
	}

	_, err = fetch.Get(t.Context(), "https://a.example", fetch.Options{Client: client})
	var status *fetch.StatusError
	if !errors.As(err, &status) || status.Status != http.StatusNotModified {
		t.Errorf("304 without If-None-Match: %v", err)
	}
}

func TestK16_StatusAndRetryAfter(t *testing.T) {
	t.Parallel()
	const now = "Sat, 01 Jan 2000 00:00:00 GMT" // the start time of a synctest bubble
	tests := []struct {
		name   string
		status int
		header http.Header
		want   fetch.StatusError
	}{
		{name: "not found", status: 404, want: fetch.StatusError{Status: 404}},
		{name: "created", status: 201, want: fetch.StatusError{Status: 201}},
		{name: "no content", status: 204, want: fetch.StatusError{Status: 204}},
		{name: "partial", status: 206, want: fetch.StatusError{Status: 206}},
		{name: "redirect without a target", status: 302, want: fetch.StatusError{Status: 302}},
		{name: "seconds", status: 503, header: http.Header{"Retry-After": {"120"}}, want: fetch.StatusError{Status: 503, RetryAfter: 2 * time.Minute}},
		{name: "zero", status: 429, header: http.Header{"Retry-After": {"0"}}, want: fetch.StatusError{Status: 429}},
		{name: "a day", status: 429, header: http.Header{"Retry-After": {"86400"}}, want: fetch.StatusError{Status: 429, RetryAfter: 5 * time.Minute}},
		{name: "overflow", status: 429, header: http.Header{"Retry-After": {"99999999999999999999999"}}, want: fetch.StatusError{Status: 429, RetryAfter: 5 * time.Minute}},
		{name: "negative", status: 429, header: http.Header{"Retry-After": {"-1"}}, want: fetch.StatusError{Status: 429}},
		{name: "fraction", status: 429, header: http.Header{"Retry-After": {"1.5"}}, want: fetch.StatusError{Status: 429}},
		{name: "date", status: 503, header: http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:01:30 GMT"}}, want: fetch.StatusError{Status: 503, RetryAfter: 90 * time.Second}},
		{name: "date now", status: 503, header: http.Header{"Retry-After": {now}}, want: fetch.StatusError{Status: 503}},
		{name: "date gone by", status: 503, header: http.Header{"Retry-After": {"Fri, 31 Dec 1999 00:00:00 GMT"}}, want: fetch.StatusError{Status: 503}},
		{name: "date far off", status: 503, header: http.Header{"Retry-After": {"Fri, 31 Dec 2100 00:00:00 GMT"}}, want: fetch.StatusError{Status: 503, RetryAfter: 5 * time.Minute}},
		{name: "words", status: 503, header: http.Header{"Retry-After": {"soon"}}, want: fetch.StatusError{Status: 503}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, err := fetch.Get(t.Context(), "https://a.example", fetch.Options{Client: answer(tt.status, tt.header, "secret")})
				var got *fetch.StatusError
				if !errors.As(err, &got) {
					t.Fatalf("got %v", err)
				}
				if diff := cmp.Diff(tt.want, *got); diff != "" {
					t.Error(diff)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("%q contains the body", err)
				}
			})
		})
	}
}

func TestK18_TooLarge(t *testing.T) {
	t.Parallel()
	const limit = 100
	var squeezed bytes.Buffer
	zip := gzip.NewWriter(&squeezed)
	_, _ = zip.Write(make([]byte, 100*limit))
	_ = zip.Close()

	tests := []struct {
		name    string
		handler http.HandlerFunc
		fits    bool
	}{
		{name: "exactly the limit", fits: true, handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, limit))
		}},
		{name: "one byte more, declared", handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, limit+1))
		}},
		{name: "one byte more, chunked", handler: func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(make([]byte, limit+1))
		}},
		{name: "without end", handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}},
		{name: "compressed", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(squeezed.Bytes())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.handler)
			got, err := fetch.Get(t.Context(), s.URL, fetch.Options{Client: s.Client(), MaxBytes: limit, Timeout: time.Minute})
			if tt.fits {
				if err != nil || len(got.Body) != limit {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			var over *fetch.TooLargeError
			if !errors.As(err, &over) || over.Limit != limit || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// A Content-Length above the limit is rejected before the body is read.
func TestK18_TooLargeByContentLength(t *testing.T) {
	t.Parallel()
	unread := iotest(func([]byte) (int, error) {
		t.Error("the body was read")
		return 0, io.EOF
	})
	client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: unread, ContentLength: fetch.DefaultMaxBytes + 1}, nil
	})}
	_, err := fetch.Get(t.Context(), "https://a.example", fetch.Options{Client: client})
	var over *fetch.TooLargeError
	if !errors.As(err, &over) || over.Limit != fetch.DefaultMaxBytes {
		t.Errorf("got %v", err)
	}
}

type iotest func([]byte) (int, error)

func (f iotest) Read(p []byte) (int, error) { return f(p) }
func (f iotest) Close() error               { return nil }

func TestK18_Timeout(t *testing.T) {
	t.Parallel()
	silent := roundTripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	stalling := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: iotest(func([]byte) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		})}, nil
	})
	tests := []struct {
		name    string
		options fetch.Options
		want    time.Duration
	}{
		{name: "default, no header", options: fetch.Options{Client: &http.Client{Transport: silent}}, want: 3 * time.Second},
		{name: "default, no body", options: fetch.Options{Client: &http.Client{Transport: stalling}}, want: 3 * time.Second},
		{name: "set", options: fetch.Options{Client: &http.Client{Transport: silent}, Timeout: time.Minute}, want: time.Minute},
		{name: "the client's is shorter", options: fetch.Options{Client: &http.Client{Transport: stalling, Timeout: time.Second}}, want: time.Second},
		{name: "the client's is longer", options: fetch.Options{Client: &http.Client{Transport: stalling, Timeout: time.Hour}}, want: 3 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := fetch.Get(t.Context(), "https://a.example", tt.options)
				var expired *fetch.TimeoutError
				if !errors.As(err, &expired) || expired.Limit != tt.want || !expired.Timeout() {
					t.Fatalf("got %v", err)
				}
				if !errors.Is(err, fetch.ErrNoResponse) {
					t.Errorf("%v is not ErrNoResponse", err)
				}
				if waited := time.Since(start); waited != tt.want {
					t.Errorf("waited %v, want %v", waited, tt.want)
				}
			})
		})
	}
}

// The end of the caller's context is distinguished from the time limit and from a fault of the server.
func TestK9_CallerGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})}
		early, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gone, leave := context.WithCancel(t.Context())
		leave()
		for want, ctx := range map[error]context.Context{context.DeadlineExceeded: early, context.Canceled: gone} {
			_, err := fetch.Get(ctx, "https://a.example", fetch.Options{Client: client})
			var expired *fetch.TimeoutError
			if !errors.Is(err, want) || errors.As(err, &expired) || errors.Is(err, fetch.ErrNoResponse) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	})
}

func TestNoResponse(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := map[string]roundTripper{
		"network": func(*http.Request) (*http.Response, error) { return nil, broken },
		"a client in the transport": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: broken}
		},
		"breaks off": func(*http.Request) (*http.Response, error) {
			body := iotest(func([]byte) (int, error) { return 0, broken })
			return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: body}, nil
		},
	}
	for name, transport := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := fetch.Get(t.Context(), "https://a.example/keys?key=secret", fetch.Options{Client: &http.Client{Transport: transport}})
			if !errors.Is(err, fetch.ErrNoResponse) || !errors.Is(err, broken) {
				t.Fatalf("got %v", err)
			}
			if want := "GET https://a.example/keys: no complete response: broken"; err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
	for name, resp := range map[string]*http.Response{"nil response": nil, "nil body": {StatusCode: 200}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return resp, nil })}
			if _, err := fetch.Get(t.Context(), "https://a.example", fetch.Options{Client: client}); !errors.Is(err, fetch.ErrNoResponse) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAttack31_Redirect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status             int
		location, readable string
	}{
		{status: 301, location: "https://b.example/x", readable: "https://b.example/x"},
		{status: 302, location: "https://user:secret@b.example/x?token=secret#secret", readable: "https://b.example/x"},
		{status: 303, location: "/elsewhere", readable: "/elsewhere"},
		{status: 307, location: "http://169.254.169.254/", readable: "http://169.254.169.254/"},
		{status: 308, location: "%zz?secret", readable: ""},
	}
	for _, tt := range tests {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			t.Parallel()
			var requests int
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Location", tt.location)
				w.WriteHeader(tt.status)
			})
			_, err := fetch.Get(t.Context(), s.URL, fetch.Options{Client: s.Client()})
			var redirect *fetch.RedirectError
			if !errors.As(err, &redirect) || redirect.Status != tt.status || strings.TrimPrefix(redirect.Location, s.URL) != tt.readable {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q contains a secret", err)
			}
			if requests != 1 {
				t.Errorf("%d requests", requests)
			}
		})
	}
}

// The Content-Type is not checked, because many servers send JSON with another one. The caller parses the body.
func TestCaseD1_K10_AnyContentType(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"application/json", "APPLICATION/JSON;charset=UTF-8", "application/octet-stream", "text/html; charset=utf-8", "text/plain",
		"no media type", "",
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			client := answer(200, http.Header{"Content-Type": {header}}, "{}")
			got, err := fetch.Get(t.Context(), "https://a.example", fetch.Options{Client: client})
			if err != nil || got.Header.Get("Content-Type") != header {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// The location of a redirect cannot make a log line long, or break it.
func TestAttack41_LocationIsShortAndQuoted(t *testing.T) {
	t.Parallel()
	for _, location := range []string{
		"https://b.example/" + strings.Repeat("x", 10_000), "https://b.example/%0d%0a" + strings.Repeat("\"", 10_000), strings.Repeat("x\r\n", 10_000),
	} {
		client := answer(302, http.Header{"Location": {location}}, "")
		_, err := fetch.Get(t.Context(), "https://a.example", fetch.Options{Client: client})
		if err == nil || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%.30q: got %v", location, err)
		}
	}
}

// A server cannot make the text of an error long, whatever it sends in place of a response, and whatever URL it has named.
func TestAttack41_ErrorsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("A", 100<<10)
	for name, sent := range map[string]string{
		"no response":       long + "\r\n",
		"status":            "HTTP/1.1 " + long + "\r\n\r\n",
		"header":            "HTTP/1.1 200 OK\r\n" + long + "\r\n\r\n{}",
		"length":            "HTTP/1.1 200 OK\r\nContent-Length: " + long + "\r\n\r\n",
		"transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + long + "\r\n\r\n",
	} {
		client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				_, _ = there.Read(make([]byte, 64<<10))
				_, _ = io.WriteString(there, sent)
				_ = there.Close()
			}()
			return here, nil
		}}}
		_, err := fetch.Get(t.Context(), "http://localhost/keys", fetch.Options{Client: client})
		if !errors.Is(err, fetch.ErrNoResponse) || len(err.Error()) > 1200 {
			t.Errorf("%s: %.300v, want a short ErrNoResponse", name, err)
		}
	}
	path := "https://issuer.test/" + long
	for name, get := range map[string]func() error{
		"Get": func() error {
			_, err := fetch.Get(t.Context(), path, fetch.Options{Client: answer(404, nil, "")})
			return err
		},
		"Send": func() error {
			_, err := fetch.Send(t.Context(), http.MethodPost, path, nil, fetch.Options{Client: answer(302, http.Header{"Location": {"/"}}, "")})
			return err
		},
	} {
		if err := get(); err == nil || len(err.Error()) > 600 {
			t.Errorf("%s: %.300v, want a short error", name, err)
		}
	}
}

// The error names the new location without its query, so that the caller can configure it.
func TestCaseJ11_RedirectNamesItsLocation(t *testing.T) {
	t.Parallel()
	const path = "GET https://a.example/keys: status 302 redirects to "
	for location, want := range map[string]string{
		"/v2/keys":                                      path + `"https://a.example/v2/keys", redirects are not followed`,
		"http://a.example/keys":                         path + `"http://a.example/keys", redirects are not followed`,
		"//b.example":                                   path + `"https://b.example", redirects are not followed`,
		"https://b.example/a%22b?code=1#x":              path + `"https://b.example/a%22b", redirects are not followed`,
		"https://user:secret@b.example:8443/keys":       path + `"https://b.example:8443/keys", redirects are not followed`,
		"https://b.example/%zz":                         path + `an invalid location, redirects are not followed`,
		"https://a.example/" + strings.Repeat("x", 300): path + `"https://a.example/` + strings.Repeat("x", 182) + `…", redirects are not followed`,
	} {
		client := answer(302, http.Header{"Location": {location}}, "")
		_, err := fetch.Get(t.Context(), "https://a.example/keys", fetch.Options{Client: client})
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", location, err, want)
		}
	}
}

// Get does not change the client of the user, and ignores the cookies of a response.
func TestClientIsNotChanged(t *testing.T) {
	t.Parallel()
	var cookies []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Client()
	client.Jar, client.Timeout = jar, time.Minute
	before := *client
	for range 2 {
		if _, err := fetch.Get(t.Context(), s.URL, fetch.Options{Client: client}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"", ""}, cookies); diff != "" {
		t.Errorf("cookies: %s", diff)
	}
	if client.Jar != before.Jar || client.Transport != before.Transport || client.Timeout != before.Timeout || client.CheckRedirect != nil {
		t.Error("the client was changed")
	}
}

// After a response with a short body, the transport uses the connection again.
func TestConnectionIsReused(t *testing.T) {
	t.Parallel()
	var addresses []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		addresses = append(addresses, r.RemoteAddr)
		http.Error(w, strings.Repeat("x", 2<<10), http.StatusNotFound)
	})
	for range 2 {
		if _, err := fetch.Get(t.Context(), s.URL, fetch.Options{Client: s.Client()}); err == nil {
			t.Fatal("no error for 404")
		}
	}
	if addresses[0] != addresses[1] {
		t.Errorf("two connections: %v", addresses)
	}
}
