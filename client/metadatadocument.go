package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

const (
	maxDocumentBytes = 5 << 10 // authorization servers may reject longer ones (draft-ietf-oauth-client-id-metadata-document)
	documentCaching  = "public, max-age=3600"
)

// NewClientMetadataHandler returns a handler that serves m as a Client ID Metadata Document
// (draft-ietf-oauth-client-id-metadata-document). Such a client needs no registration: its id is the URL of the document, and
// authorization servers read the properties of the client from the document. Serve the handler at clientID. In the Config of
// the client, set ClientID to the same URL, and ClientMetadataDocument to true.
//
// clientID must be an https URL with a path, and without a query, a fragment, user information, dot segments or a slash at the
// end. m must have a ClientName and at least one of RedirectURIs. A redirect URI is https, http with a loopback host, or has
// a scheme of a native application. TokenEndpointAuthMethod must be AuthNone, which is also the default, or a method without
// a shared secret; AuthPrivateKeyJWT requires JWKS or JWKSURI. NewClientMetadataHandler joins all faults. A document with a
// secret or a private key is an error, because everyone can read the document. A document of more than 5 KiB is an error too,
// because authorization servers may reject it.
//
// The document is encoded once. Its ETag is a digest of its content. It may be cached for one hour, so authorization servers may
// use an old version for that time. The handler responds with 405 to methods other than GET and HEAD. It does not compare the
// host and the path of a request with clientID. It is safe for concurrent use.
func NewClientMetadataHandler(clientID string, m ClientMetadata) (http.Handler, error) {
	if m.TokenEndpointAuthMethod == "" && m.Extra["token_endpoint_auth_method"] == nil {
		m.TokenEndpointAuthMethod = AuthNone // the default of RFC 7591 is client_secret_basic
	}
	var faults []error
	if err := checkDocumentURL(clientID); err != nil {
		faults = append(faults, fmt.Errorf("client: client id %w", err))
	}
	for name := range m.Extra {
		if isIdentity(name) {
			faults = append(faults, fmt.Errorf("client: ClientMetadata.Extra has %q, which must not be in a public document", name))
		}
	}
	body, err := m.encode(map[string]any{"client_id": clientID})
	if err != nil {
		return nil, errors.Join(append(faults, err)...)
	}
	if err := errors.Join(append(faults, checkDocument(body)...)...); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(body)
	return documentHandler{body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(digest[:]) + `"`}, nil
}

// documentHandler serves a document that does not change.
type documentHandler struct {
	body []byte
	etag string
}

// ServeHTTP implements [http.Handler].
func (d documentHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", documentCaching)
	h.Set("ETag", d.etag)
	h.Set("Access-Control-Allow-Origin", "*") // the document is public, and authorization servers may run in a browser
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body))
}

// checkDocumentURL checks the URL of a Client ID Metadata Document, which servers compare byte for byte. The text of the error
// begins with a verb, so that callers can put the name of the field in front of it.
func checkDocumentURL(raw string) error {
	u, err := fetch.ParseSecureURL(raw)
	switch {
	case err != nil:
		return fmt.Errorf("is not valid: %w", err)
	case u.Scheme != "https":
		return errors.New("is not an https URL")
	case u.Path == "" || strings.HasSuffix(u.Path, "/"):
		return errors.New("has no path, or one that ends with a slash, expected https://host/path")
	case strings.Contains(raw, "?"):
		return errors.New("has a query")
	case hasDotSegment(u):
		return errors.New("has a dot segment in its path")
	case u.String() != raw || fetch.LowerASCII(u.Host) != u.Host || u.Port() == "443":
		return errors.New("is not in normal form: expected a lower-case host, no default port, and a path without characters that must be encoded")
	}
	return nil
}

// checkDocument checks an encoded document, so that members of ClientMetadata.Extra are checked like the fields.
func checkDocument(body []byte) (faults []error) {
	var doc struct {
		Name      string          `json:"client_name"`
		Redirects []string        `json:"redirect_uris"`
		Method    AuthMethod      `json:"token_endpoint_auth_method"`
		KeysURI   string          `json:"jwks_uri"`
		Keys      json.RawMessage `json:"jwks"`
	}
	check := func(ok bool, problem string) {
		if !ok {
			faults = append(faults, errors.New("client: ClientMetadata"+problem))
		}
	}
	if _, err := compact.ParseObject(string(body), maxDepth); err != nil { // a name that occurs twice could hide a key
		return []error{fmt.Errorf("client: ClientMetadata: %w", err)}
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return []error{fmt.Errorf("client: ClientMetadata.Extra: %w", err)}
	}
	check(len(body) <= maxDocumentBytes, fmt.Sprintf(" has %d bytes as JSON, expected at most %d", len(body), maxDocumentBytes))
	check(doc.Name != "", ".ClientName is required")
	check(len(doc.Redirects) > 0, ".RedirectURIs is required")
	for i, redirect := range doc.Redirects {
		check(isSafeRedirectURI(redirect), fmt.Sprintf(".RedirectURIs[%d] must be https, http with a loopback host, or have a scheme of a native application, and no fragment", i))
	}
	methods := []AuthMethod{AuthNone, AuthPrivateKeyJWT, AuthTLS, AuthSelfSignedTLS}
	check(slices.Contains(methods, doc.Method), ".TokenEndpointAuthMethod uses a shared secret or is unknown, expected none, private_key_jwt or a method with a certificate")
	check(doc.Method != AuthPrivateKeyJWT || doc.KeysURI != "" || doc.Keys != nil, ".JWKS or JWKSURI is required with private_key_jwt")
	keys, err := url.Parse(doc.KeysURI)
	check(doc.KeysURI == "" || err == nil && keys.Scheme == "https" && keys.Host != "", ".JWKSURI must be an https URL")
	check(doc.Keys == nil || isPublicKeySet(doc.Keys), ".JWKS must be a JWK Set with public keys only")
	return faults
}

// isSafeRedirectURI reports whether raw can be a redirect URI in a public document. With such a URI, a code is never sent over
// the network without encryption, and the browser does not execute or display the redirect itself.
func isSafeRedirectURI(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || !isRedirectURI(raw) || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "https", "http":
		return u.Hostname() != "" && isSecure(u)
	}
	return !slices.Contains([]string{"javascript", "data", "vbscript", "blob", "file", "about", "ftp", "ws", "wss"}, u.Scheme)
}

// isPublicKeySet reports whether raw is a JWK Set (RFC 7517, Section 5) without symmetric keys and without private members.
func isPublicKeySet(raw json.RawMessage) bool {
	var set struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) == 0 {
		return false
	}
	for _, key := range set.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
			if _, ok := key[private]; ok {
				return false
			}
		}
		if kty := strings.ToLower(string(key["kty"])); kty == "" || kty == `"oct"` {
			return false
		}
	}
	return true
}

// validateDocument checks the fields of cfg for a client with a Client ID Metadata Document.
func (cfg Config) validateDocument(check func(ok bool, problem string)) {
	if !cfg.ClientMetadataDocument {
		return
	}
	if err := checkDocumentURL(cfg.ClientID); err != nil {
		check(false, "ClientID "+err.Error()+" (Config.ClientMetadataDocument)")
	}
	check(!cfg.hasSecret(), "ClientSecret and Config.SecretSource must be empty with ClientMetadataDocument: a public document cannot have a secret")
	check(!slices.Contains([]AuthMethod{AuthBasic, AuthPost, AuthSecretJWT}, cfg.AuthMethod), "AuthMethod uses a secret, which a client with ClientMetadataDocument does not have")
}

// checkDocumentSupport returns an error if the metadata of the server does not say that it fetches Client ID Metadata Documents.
// It checks nothing if the token endpoint is configured, because the metadata may then be missing.
func (c *Client) checkDocumentSupport(ctx context.Context) error {
	if !c.cfg.ClientMetadataDocument || c.configured(endpointToken) {
		return nil
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return err
	}
	if err := requireUsable(m, "client_id_metadata_document_supported"); err != nil {
		return err
	}
	if !m.ClientIDMetadataDocumentSupported {
		return fmt.Errorf("%w: the metadata does not have client_id_metadata_document_supported (Config.ClientMetadataDocument)", ErrUnsupported)
	}
	return nil
}
