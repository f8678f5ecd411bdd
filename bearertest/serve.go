package bearertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
)

// ServeHTTP serves the documents of the issuer: its key set at the path of its URL followed by /jwks, and its metadata at the
// paths of RFC 8414 section 3.1 and of OpenID Connect Discovery 1.0 section 4. It also serves the lists of [Issuer.StatusList], and,
// if the issuer has clients, the endpoints that the metadata names. The response for other paths is 404.
//
// To serve the issuer on a socket:
//
//	server := httptest.NewUnstartedServer(nil)
//	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://" + server.Listener.Addr().String()})
//	server.Config.Handler = issuer
//	server.Start()
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handler, methods := i.route(r.URL.Path)
	if handler == nil {
		i.count("") // one entry for all unknown paths, so that callers cannot make the map grow
		handler = http.NotFound
	} else {
		i.count(r.URL.Path)
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if methods != nil && !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		handler(w, r)
	})
	if fault := i.fault(r.URL.Path); fault != nil {
		fault(w, r, next)
		return
	}
	next(w, r)
}

// route returns the handler for a path and the methods that it accepts, or nil.
func (i *Issuer) route(path string) (handler http.HandlerFunc, methods []string) {
	if document := i.document(path); document != nil {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(document)
		}, []string{http.MethodGet, http.MethodHead}
	}
	if list := i.list(path); list != nil {
		return list.serve, []string{http.MethodGet}
	}
	relative, below := strings.CutPrefix(path, i.base)
	if !below {
		return nil, nil
	}
	return i.server.endpoint(relative)
}

// document returns the document at path, or nil. The metadata has three locations: that of RFC 8414 section 3.1 with
// each of the two suffixes, and that of OpenID Connect Discovery 1.0 section 4.
func (i *Issuer) document(path string) []byte {
	switch path {
	case i.base + "/jwks":
		return i.JWKS()
	case "/.well-known/oauth-authorization-server" + i.base,
		"/.well-known/openid-configuration" + i.base,
		i.base + "/.well-known/openid-configuration":
		return i.metadataDocument()
	default:
		return nil
	}
}

// metadataDocument returns the metadata, or nil if IssuerConfig.Metadata cannot be encoded. It contains an authorization
// endpoint and a token endpoint, because OpenID Connect Discovery 1.0 section 3 requires them. An issuer without clients does not
// serve these.
func (i *Issuer) metadataDocument() []byte {
	root := strings.TrimSuffix(i.url, "/")
	metadata := map[string]any{
		"issuer":                                i.url,
		"authorization_endpoint":                root + "/authorize",
		"token_endpoint":                        root + "/token",
		"jwks_uri":                              root + "/jwks",
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": i.algorithms,
	}
	i.server.describe(metadata)
	maps.Copy(metadata, i.metadata)
	document, err := json.Marshal(metadata)
	if err != nil {
		return nil
	}
	return document
}

// count counts a request for path. See Requests.
func (i *Issuer) count(path string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests[path]++
}

// Requests returns the number of requests for each document and endpoint, by path, as in Requests()["/jwks"] and
// Requests()["/token"]. The path includes that of the issuer's URL. The empty path counts all
// requests for unknown paths. The map is a copy.
func (i *Issuer) Requests() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.requests)
}

// Client returns an HTTP client whose requests call ServeHTTP of the issuer directly. Requests for another scheme or host
// fail. It opens no socket and starts no goroutine, so it works in a testing/synctest bubble.
func (i *Issuer) Client() *http.Client {
	return &http.Client{Transport: inProcess{i.url, i}}
}

// inProcess is a RoundTripper that calls the handler of an origin.
type inProcess struct {
	origin  string // a URL with the scheme and host; its path does not matter
	handler http.Handler
}

// serves reports whether u has the origin.
func (p inProcess) serves(u *url.URL) bool {
	own, err := url.Parse(p.origin)
	return err == nil && u.Scheme == own.Scheme && u.Host == own.Host
}

// RoundTrip implements [http.RoundTripper]. The handler gets a copy of the request, because it may read the form.
func (p inProcess) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if !p.serves(r.URL) {
		return nil, fmt.Errorf("bearertest: this client reaches only %s, not %s://%s", p.origin, r.URL.Scheme, r.URL.Host)
	}
	received := received(r)
	recorder := httptest.NewRecorder()
	if err := serve(p.handler, recorder, received); err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response = recorder.Result()
	response.Request = r
	return response, nil
}

// received returns a request as the server sees it.
func received(sent *http.Request) *http.Request {
	r := sent.Clone(sent.Context())
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "192.0.2.1:1234" // for documentation (RFC 5737)
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	return r
}

// serve calls a handler. If the handler aborts with http.ErrAbortHandler, it returns an error.
func serve(handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if cause := recover(); cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it too
			err = errAborted
		} else if cause != nil {
			panic(cause) //nolint:forbidigo // not ours
		}
	}()
	handler.ServeHTTP(w, r)
	return nil
}
