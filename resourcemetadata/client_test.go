package resourcemetadata_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/resourcemetadata"
)

const wellKnownAPI = "https://api.test/.well-known/oauth-protected-resource/v1"

// site is a transport with a fixed response for each URL. All other URLs have status 404.
type site struct {
	replies map[string]reply

	mu   sync.Mutex // guards sent
	sent []string
}

type reply struct {
	status int
	header http.Header
	body   string
	wait   time.Duration
	err    error
}

// document returns a reply with a document.
func document(text string) reply {
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: text}
}

func about(resource string) reply { return document(`{"resource":"` + resource + `"}`) }

// RoundTrip implements [http.RoundTripper].
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.sent = append(s.sent, r.URL.String())
	s.mu.Unlock()
	found, ok := s.replies[r.URL.String()]
	if !ok {
		found = reply{status: http.StatusNotFound}
	}
	if r.Method != http.MethodGet || r.Header.Get("Accept") != "application/json" || r.Header.Get("Authorization") != "" {
		return nil, errors.New("unexpected request")
	}
	select {
	case <-time.After(found.wait):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if found.err != nil {
		return nil, found.err
	}
	header := found.header
	if header == nil {
		header = make(http.Header)
	}
	return &http.Response{
		StatusCode: found.status, Header: header, Body: io.NopCloser(strings.NewReader(found.body)), ContentLength: -1, Request: r,
	}, nil
}

func (s *site) client() *http.Client { return &http.Client{Transport: s} }

// Q2, Q4: Discover derives one URL from the resource. The document at that URL must be about the resource. If the resource ends with
// a slash, some servers publish the document at the URL with the slash.
func TestQ2_Q4_Discover(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		resource string
		replies  map[string]reply
		requests []string
		ok       bool
	}{
		"found": {api, map[string]reply{wellKnownAPI: about(api)}, []string{wellKnownAPI}, true},
		"about the parent": {
			api, map[string]reply{wellKnownAPI: about("https://api.test")}, []string{wellKnownAPI}, false,
		},
		"not found": {api, nil, []string{wellKnownAPI}, false},
		"with a slash": {
			api + "/", map[string]reply{wellKnownAPI: about(api + "/")}, []string{wellKnownAPI}, true,
		},
		"at the URL with a slash": {
			api + "/", map[string]reply{wellKnownAPI + "/": about(api + "/")}, []string{wellKnownAPI, wellKnownAPI + "/"}, true,
		},
		"with a slash, about another": {
			api + "/", map[string]reply{wellKnownAPI: about(api), wellKnownAPI + "/": about(api + "/")}, []string{wellKnownAPI}, false,
		},
		"slash of the host": {
			"https://api.test/", nil, []string{"https://api.test/.well-known/oauth-protected-resource"}, false,
		},
		"query": {
			api + "?a=b", map[string]reply{wellKnownAPI + "?a=b": about(api + "?a=b")}, []string{wellKnownAPI + "?a=b"}, true,
		},
		"http":         {"http://api.test", nil, nil, false},
		"fragment":     {api + "#a", nil, nil, false},
		"no URL":       {"api", nil, nil, false},
		"user":         {"https://u:secret@api.test", nil, nil, false},
		"empty string": {"", nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &site{replies: tt.replies}
			c := resourcemetadata.Client{HTTPClient: s.client()}
			m, err := c.Discover(t.Context(), tt.resource)
			if (err == nil) != tt.ok || (m != nil) != tt.ok || tt.ok && m.Resource != tt.resource {
				t.Errorf("got %v, %v", m, err)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), "resourcemetadata: ") || strings.Contains(err.Error(), "secret")) {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.requests, s.sent); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// Q5: the URL of a challenge may be anywhere, but the document must be about the resource. Neither http nor a redirect leads to
// another place.
func TestQ5_Fetch(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://meta.test/api.json?secret=1"
	for name, tt := range map[string]struct {
		url, resource string
		reply         reply
		want          string // of the error; empty: none
	}{
		"another host":           {elsewhere, api, about(api), ""},
		"about another resource": {elsewhere, api, about("https://evil.test"), "the document's resource"},
		"about the document":     {"https://meta.test", api, about("https://meta.test"), "the document's resource"},
		"http":                   {"http://meta.test/", api, about(api), "not https"},
		"loopback":               {"http://127.0.0.1/", api, about(api), "not https"},
		"loopback by name":       {"http://localhost:8080/", api, about(api), "not https"},
		"loopback resource":      {"http://localhost:8080/", "http://localhost:8000", about("http://localhost:8000"), ""},
		"file":                   {"file:///etc/passwd", api, about(api), "not an absolute https URL"},
		"relative":               {"/meta", api, about(api), "not an absolute https URL"},
		"user":                   {"https://u:secret@meta.test", api, about(api), "user information"},
		"fragment":               {"https://meta.test/#a", api, about(api), "fragment"},
		"redirect":               {elsewhere, api, reply{status: 302, header: http.Header{"Location": {"https://api.test/meta"}}}, "redirect"},
		"permanent redirect":     {elsewhere, api, reply{status: 308, header: http.Header{"Location": {wellKnownAPI}}}, "redirect"},
		"no content":             {elsewhere, api, reply{status: 204}, "status 204"},
		"created":                {elsewhere, api, reply{status: 201, body: `{"resource":"` + api + `"}`}, "status 201"},
		"unauthorized":           {elsewhere, api, reply{status: 401, body: `{"resource":"` + api + `"}`}, "status 401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &site{replies: map[string]reply{tt.url: tt.reply}}
			c := resourcemetadata.Client{HTTPClient: s.client()}
			m, err := c.Fetch(t.Context(), tt.url, tt.resource)
			if (m == nil) != (tt.want != "") || (err == nil) != (tt.want == "") {
				t.Fatalf("got %v, %v", m, err)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if len(s.sent) > 1 {
				t.Errorf("requests %q", s.sent)
			}
		})
	}
}

// FetchFor accepts the document of the URL and of its parents on the same origin.
func TestQ4_FetchFor(t *testing.T) {
	t.Parallel()
	const target = "https://api.test/v1/mcp?session=1"
	for resource, want := range map[string]bool{
		target: true, "https://api.test/v1/mcp": true, "https://api.test/v1/": true, "https://api.test/v1": true, "https://api.test": true,
		"https://api.test/v1/mcp/tools": false, "https://api.test/v": false, "https://api.test/v2": false, "http://api.test/v1": false,
		"https://api.test:8443": false, "https://test": false, "": false, "https://api.test/v1/mcp?session=2": false,
	} {
		s := &site{replies: map[string]reply{wellKnownAPI: about(resource)}}
		c := resourcemetadata.Client{HTTPClient: s.client()}
		m, err := c.FetchFor(t.Context(), wellKnownAPI, target)
		if (err == nil) != want || want && m.Resource != resource {
			t.Errorf("%q: %v, %v", resource, m, err)
		}
		var mismatch *resourcemetadata.MismatchError
		if !want && (!errors.As(err, &mismatch) || mismatch.Want != target || mismatch.Got != resource) {
			t.Errorf("%q: error %v", resource, err)
		}
	}
}

// The errors say whether a retry may succeed, and whether there is a document.
func TestErrorClasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			reply       reply
			unavailable bool
			missing     bool
		}{
			"404":           {reply{status: 404}, false, true},
			"410":           {reply{status: 410}, false, true},
			"400":           {reply{status: 400}, false, false},
			"401":           {reply{status: 401}, false, false},
			"403":           {reply{status: 403}, false, false},
			"429":           {reply{status: 429}, true, false},
			"500":           {reply{status: 500}, true, false},
			"503":           {reply{status: 503}, true, false},
			"no connection": {reply{err: errors.New("refused")}, true, false},
			"slow":          {reply{status: 200, body: `{"resource":"` + api + `"}`, wait: 4 * time.Second}, true, false},
			"not JSON":      {reply{status: 200, body: `<html>`}, false, false},
			"too large":     {reply{status: 200, body: strings.Repeat(" ", 600<<10)}, false, false},
		} {
			c := resourcemetadata.Client{HTTPClient: (&site{replies: map[string]reply{wellKnownAPI: tt.reply}}).client()}
			_, err := c.Discover(t.Context(), api)
			if errors.Is(err, resourcemetadata.ErrUnavailable) != tt.unavailable || errors.Is(err, resourcemetadata.ErrNotFound) != tt.missing || err == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A document has a limited length, and a request a limited time.
func TestQ8_FetchIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := `{"resource":"` + api + `"}`
		long := document(text + strings.Repeat(" ", 512<<10-len(text)))
		longer := document(long.body + " ")
		slow := document(text)
		slow.wait = 3*time.Second - 1
		slower := slow
		slower.wait += 2
		for name, tt := range map[string]struct {
			client resourcemetadata.Client
			reply  reply
			limit  any // a pointer to the type of the error; nil: no error
		}{
			"512 KiB":          {resourcemetadata.Client{}, long, nil},
			"more":             {resourcemetadata.Client{}, longer, new(*resourcemetadata.TooLargeError)},
			"MaxBytes":         {resourcemetadata.Client{MaxBytes: 10}, document(text), new(*resourcemetadata.TooLargeError)},
			"less than 3 s":    {resourcemetadata.Client{}, slow, nil},
			"more than 3 s":    {resourcemetadata.Client{}, slower, new(*resourcemetadata.TimeoutError)},
			"Timeout":          {resourcemetadata.Client{Timeout: time.Second}, slow, new(*resourcemetadata.TimeoutError)},
			"negative Timeout": {resourcemetadata.Client{Timeout: -1}, slow, nil},
		} {
			tt.client.HTTPClient = (&site{replies: map[string]reply{wellKnownAPI: tt.reply}}).client()
			_, err := tt.client.Discover(t.Context(), api)
			if tt.limit == nil && err != nil || tt.limit != nil && !errors.As(err, tt.limit) {
				t.Errorf("%s: %v", name, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := resourcemetadata.Client{HTTPClient: (&site{replies: map[string]reply{wellKnownAPI: slow}}).client()}
		if _, err := c.Discover(ctx, api); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, resourcemetadata.ErrUnavailable) {
			t.Errorf("canceled: %v", err)
		}
	})
}

// Q3: the Content-Type should be application/json. Another one is reported.
func TestQ3_ContentType(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"application/json": "", "application/json; charset=utf-8": "", "Application/JSON": "",
		"": "content_type in metadata Content-Type", "text/html": "content_type in metadata Content-Type", "application/jsonp": "content_type in metadata Content-Type",
	} {
		found := about(api)
		found.header = http.Header{"Content-Type": {contentType}}
		c := resourcemetadata.Client{HTTPClient: (&site{replies: map[string]reply{wellKnownAPI: found}}).client()}
		m, err := c.Discover(t.Context(), api)
		if err != nil {
			t.Fatal(err)
		}
		if got := quirksOf(m); got != want {
			t.Errorf("%q: quirks %q, want %q", contentType, got, want)
		}
	}
}

// PublicAddressesOnly rejects addresses of the own machine and network, also if a name resolves to them.
func TestPublicAddressesOnly(t *testing.T) {
	t.Parallel()
	var requests int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		_, _ = io.Copy(w, bytes.NewReader([]byte(`{"resource":"http://`+r.Host+`"}`)))
	}))
	t.Cleanup(server.Close)
	local := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, resource := range []string{server.URL, local} {
		c := resourcemetadata.Client{PublicAddressesOnly: true}
		if _, err := c.Discover(t.Context(), resource); err == nil || !strings.Contains(err.Error(), "not public (PublicAddressesOnly)") {
			t.Errorf("%s: %v", resource, err)
		}
	}
	if requests > 0 {
		t.Errorf("%d requests", requests)
	}
	c := resourcemetadata.Client{PublicAddressesOnly: true, HTTPClient: new(site).client()}
	if _, err := c.Discover(t.Context(), api); err == nil || !strings.Contains(err.Error(), "addresses cannot be checked (PublicAddressesOnly)") {
		t.Errorf("another transport: %v", err)
	}
	if m, err := new(resourcemetadata.Client).Discover(t.Context(), server.URL); err != nil || !slices.Equal([]string{m.Resource}, []string{server.URL}) {
		t.Errorf("without the setting: %v, %v", m, err)
	}
}
