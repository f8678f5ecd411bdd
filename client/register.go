package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// ClientMetadata describe a client to a server (RFC 7591 §2). What is zero is left to the server.
type ClientMetadata struct { //nolint:revive // it stutters: Metadata are those of the server
	RedirectURIs            []string        `json:"redirect_uris,omitzero"`
	TokenEndpointAuthMethod AuthMethod      `json:"token_endpoint_auth_method,omitzero"`
	GrantTypes              []string        `json:"grant_types,omitzero"`
	ResponseTypes           []string        `json:"response_types,omitzero"`
	ClientName              string          `json:"client_name,omitzero"`
	ClientURI               string          `json:"client_uri,omitzero"`
	LogoURI                 string          `json:"logo_uri,omitzero"`
	Scope                   string          `json:"scope,omitzero"`
	Contacts                []string        `json:"contacts,omitzero"`
	TOSURI                  string          `json:"tos_uri,omitzero"`
	PolicyURI               string          `json:"policy_uri,omitzero"`
	JWKSURI                 string          `json:"jwks_uri,omitzero"`
	JWKS                    json.RawMessage `json:"jwks,omitzero"`
	SoftwareID              string          `json:"software_id,omitzero"`
	SoftwareVersion         string          `json:"software_version,omitzero"`
	SoftwareStatement       string          `json:"software_statement,omitzero"`
	ApplicationType         string          `json:"application_type,omitzero"` // OpenID Connect Registration §2
	PostLogoutRedirectURIs  []string        `json:"post_logout_redirect_uris,omitzero"`
	BackchannelLogoutURI    string          `json:"backchannel_logout_uri,omitzero"`
	DPoPBoundAccessTokens   bool            `json:"dpop_bound_access_tokens,omitzero"`

	// Extra are further members, in both directions. They cannot replace those above. Encoding as JSON leaves them out.
	Extra map[string]any `json:"-"`
}

// Registration is a client as a server knows it (RFC 7591 §3.2.1). It holds secrets, which neither fmt nor slog prints;
// encoding it as JSON writes them.
type Registration struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitzero"`

	// IssuedAt and SecretExpiresAt are zero where the server did not say, or, the latter, where the secret does not end.
	IssuedAt        time.Time `json:"issued_at,omitzero"`
	SecretExpiresAt time.Time `json:"secret_expires_at,omitzero"`

	// AccessToken and URI are for [RegistrationEndpoint.Read], Update and Delete (RFC 7592 §3). Empty: the server does not offer them.
	AccessToken string `json:"registration_access_token,omitzero"`
	URI         string `json:"registration_client_uri,omitzero"`

	// Metadata are what the server made of those it was sent.
	Metadata ClientMetadata `json:"metadata"`
}

// Format leaves the secrets out, whatever the verb.
func (r Registration) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client.Registration{%q}", clip(r.ClientID))
}

// LogValue leaves the secrets out.
func (r Registration) LogValue() slog.Value { return slog.StringValue(r.ClientID) }

// Config returns cfg as the registered client has it.
func (r *Registration) Config(cfg Config) Config {
	cfg.ClientID, cfg.ClientSecret = r.ClientID, r.ClientSecret
	cfg.AuthMethod = cmp.Or(r.Metadata.TokenEndpointAuthMethod, cfg.AuthMethod)
	if cfg.AuthMethod == AuthNone {
		cfg.ClientSecret = ""
	}
	return cfg
}

// Codes of registration (RFC 7591 §3.2.2).
const (
	ErrInvalidRedirectURI          ErrorCode = "invalid_redirect_uri"
	ErrInvalidClientMetadata       ErrorCode = "invalid_client_metadata"
	ErrInvalidSoftwareStatement    ErrorCode = "invalid_software_statement"
	ErrUnapprovedSoftwareStatement ErrorCode = "unapproved_software_statement"
)

// RegistrationEndpoint registers clients with a server. It is safe for concurrent use.
type RegistrationEndpoint struct{ client *Client }

// NewRegistrationEndpoint makes a RegistrationEndpoint. Of cfg only what is not about the client is used: Issuer, Metadata, Endpoints, HTTPClient
// and the bounds.
func NewRegistrationEndpoint(cfg Config) (*RegistrationEndpoint, error) {
	c, err := New(Config{
		ClientID: "unregistered", // nobody is sent it
		Issuer:   cfg.Issuer, Metadata: cfg.Metadata, Endpoints: cfg.Endpoints, HTTPClient: cfg.HTTPClient,
		Timeout: cfg.Timeout, MaxBytes: cfg.MaxBytes, InsecureAllowHTTP: cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return nil, err
	}
	return &RegistrationEndpoint{c}, nil
}

// Register registers a client (RFC 7591 §3). initialAccessToken is what some servers want; empty: none. If the client was
// registered, and the answer has a fault, what could be read of it comes together with [ErrBadAnswer].
func (e *RegistrationEndpoint) Register(ctx context.Context, m ClientMetadata, initialAccessToken string) (*Registration, error) {
	target, err := e.client.endpoint(ctx, endpointRegistration)
	if err != nil {
		return nil, err
	}
	body, err := m.encode(nil)
	if err != nil {
		return nil, err
	}
	return e.ask(ctx, http.MethodPost, target, initialAccessToken, body, nil)
}

// Read asks for the registration as it is now (RFC 7592 §2.1). Its secret and access token may be new ones: keep what is
// returned.
func (e *RegistrationEndpoint) Read(ctx context.Context, known *Registration) (*Registration, error) {
	if err := e.checkURI(ctx, known.URI); err != nil {
		return nil, err
	}
	return e.ask(ctx, http.MethodGet, known.URI, known.AccessToken, nil, known)
}

// Update replaces all metadata of the registration by m (RFC 7592 §2.2). Keep what is returned.
func (e *RegistrationEndpoint) Update(ctx context.Context, known *Registration, m ClientMetadata) (*Registration, error) {
	if err := e.checkURI(ctx, known.URI); err != nil {
		return nil, err
	}
	identity := map[string]any{"client_id": known.ClientID}
	if known.ClientSecret != "" {
		identity["client_secret"] = known.ClientSecret
	}
	body, err := m.encode(identity)
	if err != nil {
		return nil, err
	}
	return e.ask(ctx, http.MethodPut, known.URI, known.AccessToken, body, known)
}

// Delete ends the registration (RFC 7592 §2.3).
func (e *RegistrationEndpoint) Delete(ctx context.Context, known *Registration) error {
	if err := e.checkURI(ctx, known.URI); err != nil {
		return err
	}
	resp, err := e.send(ctx, http.MethodDelete, known.URI, known.AccessToken, nil)
	if err != nil {
		return err
	}
	if resp.Status != http.StatusNoContent && resp.Status != http.StatusOK {
		return refusedCall(resp)
	}
	return nil
}

// checkURI keeps the registration's access token, with which the client could be taken over, from other servers: an answer
// that was tampered with, or stored where others can write, must not say where it goes.
func (e *RegistrationEndpoint) checkURI(ctx context.Context, raw string) error {
	target, err := e.client.endpoint(ctx, endpointRegistration)
	if err != nil {
		return err
	}
	own, err := fetch.ParseURL(target, e.client.cfg.InsecureAllowHTTP)
	if err != nil {
		return fmt.Errorf("client: registration: %w", err)
	}
	u, err := url.Parse(raw)
	if err != nil || raw == "" || originOf(u) != originOf(own) {
		return fmt.Errorf("%w: registration_client_uri is missing, or that of another server", ErrBadAnswer)
	}
	return nil
}

func (m ClientMetadata) encode(identity map[string]any) ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("client: ClientMetadata: %w", err)
	}
	all := maps.Clone(m.Extra)
	if all == nil {
		all = make(map[string]any)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("client: ClientMetadata: %w", err)
	}
	maps.Copy(all, identity)
	return json.Marshal(all)
}

func (e *RegistrationEndpoint) send(ctx context.Context, method, target, token string, body []byte) (*fetch.Response, error) {
	header := http.Header{"Accept": {"application/json"}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return e.client.send(ctx, method, target, header, body)
}

// ask keeps of known what the answer leaves out: a server shows a secret once.
func (e *RegistrationEndpoint) ask(
	ctx context.Context, method, target, token string, body []byte, known *Registration,
) (*Registration, error) {
	resp, err := e.send(ctx, method, target, token, body)
	if err != nil {
		return nil, err
	}
	accepted := []int{http.StatusOK, http.StatusCreated}
	if !slices.Contains(accepted, resp.Status) {
		return nil, refusedCall(resp)
	}
	a, flaw := readAnswer(resp, accepted)
	if a == nil {
		return nil, flaw
	}
	got, err := registrationOf(a)
	switch {
	case err != nil:
		return nil, err
	case known == nil:
		return got, flaw
	case got.ClientID != known.ClientID:
		return nil, fmt.Errorf("%w: it is about another client", ErrBadAnswer)
	}
	got.ClientSecret = cmp.Or(got.ClientSecret, known.ClientSecret)
	got.AccessToken = cmp.Or(got.AccessToken, known.AccessToken)
	got.URI = cmp.Or(got.URI, known.URI)
	return got, flaw
}

func registrationOf(a *answer) (*Registration, error) {
	g := &Registration{IssuedAt: a.dateOf("client_id_issued_at"), SecretExpiresAt: a.dateOf("client_secret_expires_at")}
	for name, field := range map[string]*string{
		"client_id": &g.ClientID, "client_secret": &g.ClientSecret,
		"registration_access_token": &g.AccessToken, "registration_client_uri": &g.URI,
	} {
		*field, _ = a.OptionalText(name)
	}
	if g.ClientID == "" {
		return nil, fmt.Errorf("%w: client_id is missing", ErrBadAnswer)
	}
	if err := a.Decode(&g.Metadata); err != nil { // the client is registered: that must not be lost
		g.Metadata = ClientMetadata{}
	}
	g.Metadata.Extra = extraMetadata(a.Object)
	return g, nil
}

// extraMetadata are the members that [RegistrationEndpoint.Update] must send back, and that are in no field (RFC 7592 §2.2).
func extraMetadata(o compact.Object) map[string]any {
	known := map[string]bool{
		"client_id": true, "client_secret": true, "client_id_issued_at": true, "client_secret_expires_at": true,
		"registration_access_token": true, "registration_client_uri": true,
	}
	fields := reflect.TypeFor[ClientMetadata]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	var extra map[string]any
	for name, value := range o.All() {
		if known[name] || value.Kind() == compact.KindNull {
			continue
		}
		if extra == nil {
			extra = make(map[string]any)
		}
		extra[name] = value.Any()
	}
	return extra
}

// dateOf reads seconds since 1970; 0 is none.
func (a *answer) dateOf(name string) time.Time {
	value, _ := a.Get(name)
	seconds, ok := value.Number()
	if !ok || seconds <= 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
