package bearertest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The lifetimes of what the endpoints issue.
const (
	codeLifetime    = time.Minute
	refreshLifetime = 24 * time.Hour
	deviceLifetime  = 10 * time.Minute
	pushedLifetime  = time.Minute
)

// server is the part of an Issuer that has registered clients: its endpoints and what they have issued. It does no I/O and
// starts no goroutine.
type server struct {
	issuer    *Issuer
	root      string // the URL of the issuer without a slash at the end
	clients   map[string]Client
	lifetime  time.Duration // of access tokens and ID tokens
	interval  time.Duration // between two polls of a device
	editToken func(kind string, token *Token)

	codes     *shelf[*code]
	refreshes *shelf[*refresh]
	issued    *shelf[*grant]   // by the jti of an access token
	revoked   *shelf[struct{}] // by the jti of an access token
	used      *shelf[struct{}] // by the jti of a client assertion or proof
	pushed    *shelf[params]   // by request_uri
	devices   *shelf[*device]  // by device_code
}

func newServer(issuer *Issuer, cfg IssuerConfig) *server {
	s := &server{
		issuer:    issuer,
		root:      strings.TrimSuffix(issuer.url, "/"),
		clients:   make(map[string]Client),
		lifetime:  lifetime,
		interval:  5 * time.Second, // the default of RFC 8628 section 3.2
		editToken: cfg.EditToken,
		codes:     newShelf[*code](codeLifetime),
		refreshes: newShelf[*refresh](refreshLifetime),
		used:      newShelf[struct{}](2 * proofAge),
		pushed:    newShelf[params](pushedLifetime),
		devices:   newShelf[*device](deviceLifetime),
	}
	if cfg.TokenLifetime != 0 {
		s.lifetime = cfg.TokenLifetime
	}
	if cfg.DeviceInterval > 0 {
		s.interval = (cfg.DeviceInterval + time.Second - 1).Truncate(time.Second)
	}
	remembered := max(s.lifetime, lifetime, refreshLifetime)
	s.issued, s.revoked = newShelf[*grant](remembered), newShelf[struct{}](remembered)
	for _, c := range cfg.Clients {
		c.RedirectURIs, c.PostLogoutRedirectURIs = slices.Clone(c.RedirectURIs), slices.Clone(c.PostLogoutRedirectURIs)
		c.GrantTypes, c.Scopes = slices.Clone(c.GrantTypes), slices.Clone(c.Scopes)
		if c.ID != "" {
			s.clients[c.ID] = c
		}
	}
	return s
}

// endpoint returns the handler of an endpoint and the methods that it accepts, or nil. path is relative to the URL of the
// issuer.
func (s *server) endpoint(path string) (handler http.HandlerFunc, methods []string) {
	if s == nil {
		return nil, nil
	}
	get, post := http.MethodGet, http.MethodPost
	switch path {
	case "/authorize":
		return s.authorize, []string{get, post}
	case "/token":
		return s.token, []string{post}
	case "/par":
		return s.push, []string{post}
	case "/userinfo":
		return s.userInfo, []string{get, post}
	case "/introspect":
		return s.introspect, []string{post}
	case "/revoke":
		return s.revoke, []string{post}
	case "/logout":
		return s.logout, []string{get, post}
	case "/device_authorization":
		return s.startDevice, []string{post}
	case "/device":
		return s.devicePage, []string{get}
	default:
		return nil, nil
	}
}

// describe adds the endpoints and what they support to the metadata (RFC 8414 section 2).
func (s *server) describe(metadata map[string]any) {
	if s == nil {
		return
	}
	authentication := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	maps.Copy(metadata, map[string]any{
		"userinfo_endpoint":                                        s.root + "/userinfo",
		"revocation_endpoint":                                      s.root + "/revoke",
		"introspection_endpoint":                                   s.root + "/introspect",
		"end_session_endpoint":                                     s.root + "/logout",
		"device_authorization_endpoint":                            s.root + "/device_authorization",
		"pushed_authorization_request_endpoint":                    s.root + "/par",
		"grant_types_supported":                                    grantTypes(),
		"response_modes_supported":                                 []string{"query", "form_post"},
		"code_challenge_methods_supported":                         []string{"S256"},
		"prompt_values_supported":                                  promptValues(),
		"authorization_response_iss_parameter_supported":           true,
		"request_parameter_supported":                              false,
		"request_uri_parameter_supported":                          false,
		"token_endpoint_auth_methods_supported":                    append(slices.Clone(authentication), "none"),
		"token_endpoint_auth_signing_alg_values_supported":         assertionAlgorithms(),
		"revocation_endpoint_auth_methods_supported":               append(slices.Clone(authentication), "none"),
		"revocation_endpoint_auth_signing_alg_values_supported":    assertionAlgorithms(),
		"introspection_endpoint_auth_methods_supported":            authentication,
		"introspection_endpoint_auth_signing_alg_values_supported": assertionAlgorithms(),
		"dpop_signing_alg_values_supported":                        assertionAlgorithms(),
	})
}

// edit calls the function of the test that changes tokens.
func (s *server) edit(kind string, token *Token) *Token {
	if s.editToken != nil {
		s.editToken(kind, token)
	}
	return token
}
