package bearertest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// ServeHTTP serves the documents of the issuer: its key set at the path of its URL followed by /jwks, and its metadata at the
// paths of RFC 8414 section 3.1 and of OpenID Connect Discovery 1.0 section 4. The response for other paths is 404.
//
// To serve the issuer on a socket:
//
//	server := httptest.NewUnstartedServer(nil)
//	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://" + server.Listener.Addr().String()})
//	server.Config.Handler = issuer
//	server.Start()
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	document := i.document(r.URL.Path)
	if document == nil {
		i.count("") // one entry for all unknown paths, so that callers cannot make the map grow
		http.NotFound(w, r)
		return
	}
	i.count(r.URL.Path)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
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
// endpoint and a token endpoint, because OpenID Connect Discovery 1.0 section 3 requires them, but the issuer does not
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

// Requests returns the number of requests for each document, by path, as in Requests()["/jwks"]. The empty path counts all
// requests for unknown paths. The map is a copy.
func (i *Issuer) Requests() map[string]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.requests)
}

// Client returns an HTTP client whose requests call ServeHTTP of the issuer directly. Requests for another scheme or host
// fail. It opens no socket and starts no goroutine, so it works in a testing/synctest bubble.
func (i *Issuer) Client() *http.Client {
	return &http.Client{Transport: inProcess{i}}
}

// inProcess is the RoundTripper of Client.
type inProcess struct{ issuer *Issuer }

// RoundTrip implements [http.RoundTripper].
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	own, err := url.Parse(p.issuer.url)
	if err != nil || r.URL.Scheme != own.Scheme || r.URL.Host != own.Host {
		return nil, fmt.Errorf("bearertest: this client reaches only its issuer, not %s://%s", r.URL.Scheme, r.URL.Host)
	}
	recorder := httptest.NewRecorder()
	p.issuer.ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	return response, nil
}
