package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// Registration is a client as a server has registered it (RFC 7591, Section 3.2.1). It contains secrets. Neither fmt nor
// slog prints them, but encoding it as JSON writes them.
type Registration struct {
	// Issuer is the server that registered the client. The methods of a [RegistrationEndpoint] of another server return an
	// error. It is empty in a value that the program has made itself.
	Issuer string `json:"issuer,omitzero"`

	// ClientID and ClientSecret are the credentials of the client. The secret is empty if the server issued none.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitzero"`

	// IssuedAt is zero if the server did not send it. SecretExpiresAt is zero if the secret does not expire, or if the
	// server did not send it.
	IssuedAt        time.Time `json:"issued_at,omitzero"`
	SecretExpiresAt time.Time `json:"secret_expires_at,omitzero"`

	// AccessToken and URI are used by the methods of [RegistrationEndpoint] that read, update and delete the registration
	// (RFC 7592, Section 3). They are empty if the server does not offer that.
	AccessToken string `json:"registration_access_token,omitzero"`
	URI         string `json:"registration_client_uri,omitzero"`

	// Metadata is what the server registered, which may differ from what was requested.
	Metadata ClientMetadata `json:"metadata"`
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (r Registration) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client.Registration{%q}", clip(r.ClientID))
}

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (r Registration) LogValue() slog.Value { return slog.StringValue(clip(r.ClientID)) }

// Config returns cfg with the id, the secret and the authentication method of the registered client. If the method is
// [AuthNone], Config sets no secret. A secret of r replaces cfg.SecretSource. An empty cfg.Issuer is replaced by r.Issuer.
// If cfg.Issuer is another issuer, [New] returns an error, so that the secret is not sent to another server.
func (r *Registration) Config(cfg Config) Config {
	cfg.Issuer, cfg.registeredAt = cmp.Or(cfg.Issuer, r.Issuer), r.Issuer
	cfg.ClientID, cfg.ClientSecret = r.ClientID, r.ClientSecret
	cfg.AuthMethod = cmp.Or(r.Metadata.TokenEndpointAuthMethod, cfg.AuthMethod)
	if r.ClientSecret != "" {
		cfg.SecretSource = nil
	}
	if cfg.AuthMethod == AuthNone {
		cfg.ClientSecret = ""
	}
	return cfg
}

// Error codes of the registration endpoint (RFC 7591, Section 3.2.2).
const (
	ErrInvalidRedirectURI          ErrorCode = "invalid_redirect_uri"
	ErrInvalidClientMetadata       ErrorCode = "invalid_client_metadata"
	ErrInvalidSoftwareStatement    ErrorCode = "invalid_software_statement"
	ErrUnapprovedSoftwareStatement ErrorCode = "unapproved_software_statement"
)

// RegistrationEndpoint registers clients with an authorization server (RFC 7591) and manages their registrations (RFC 7592).
// It is the counterpart of package registry, which an authorization server uses to store its clients. Make one with
// [NewRegistrationEndpoint]. It is safe for concurrent use.
type RegistrationEndpoint struct{ client *Client }

// NewRegistrationEndpoint returns the registration endpoint of a server. It uses the fields of cfg that describe the server
// and the requests: Issuer, Metadata, MetadataURL, Endpoints, HTTPClient, Timeout, DiscoveryTimeout, MaxBytes and
// InsecureAllowHTTP. It ignores those that describe a client, such as ClientID. It does no I/O.
func NewRegistrationEndpoint(cfg Config) (*RegistrationEndpoint, error) {
	c, err := New(Config{
		ClientID: "unregistered", // New requires one; it is never sent
		Issuer:   cfg.Issuer, Metadata: cfg.Metadata, MetadataURL: cfg.MetadataURL, Endpoints: cfg.Endpoints, HTTPClient: cfg.HTTPClient,
		Timeout: cfg.Timeout, DiscoveryTimeout: cfg.DiscoveryTimeout, MaxBytes: cfg.MaxBytes, InsecureAllowHTTP: cfg.InsecureAllowHTTP,
	})
	if err != nil {
		return nil, err
	}
	return &RegistrationEndpoint{c}, nil
}

// Register registers a client (RFC 7591, Section 3). initialAccessToken is the credential that some servers require; if it
// is empty, none is sent.
//
// If the server registered the client but its response is not valid, the error matches [ErrBadResponse]. Register then also
// returns what could be read of the registration, unless the response has no client_id.
func (e *RegistrationEndpoint) Register(ctx context.Context, m ClientMetadata, initialAccessToken string) (*Registration, error) {
	target, err := e.client.endpoint(ctx, endpointRegistration)
	if err != nil {
		return nil, err
	}
	body, err := m.encode(nil)
	if err != nil {
		return nil, err
	}
	return e.call(ctx, http.MethodPost, target, initialAccessToken, body, nil)
}

// Read returns the current registration of known (RFC 7592, Section 2.1). Store the result in place of known: the server may
// have issued a new secret or a new access token. Like [RegistrationEndpoint.Register], Read may return a registration
// together with an error.
func (e *RegistrationEndpoint) Read(ctx context.Context, known *Registration) (*Registration, error) {
	if err := e.check(ctx, known); err != nil {
		return nil, err
	}
	return e.call(ctx, http.MethodGet, known.URI, known.AccessToken, nil, known)
}

// Update replaces all metadata of the registration by m (RFC 7592, Section 2.2). The server deletes what m does not have. So
// change the Metadata that [RegistrationEndpoint.Read] returned, and pass that. Store the result in place of known.
func (e *RegistrationEndpoint) Update(ctx context.Context, known *Registration, m ClientMetadata) (*Registration, error) {
	if err := e.check(ctx, known); err != nil {
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
	return e.call(ctx, http.MethodPut, known.URI, known.AccessToken, body, known)
}

// Delete deletes the registration (RFC 7592, Section 2.3).
func (e *RegistrationEndpoint) Delete(ctx context.Context, known *Registration) error {
	if err := e.check(ctx, known); err != nil {
		return err
	}
	resp, err := e.send(ctx, http.MethodDelete, known.URI, known.AccessToken, nil)
	if err != nil {
		return err
	}
	if resp.Status/100 != 2 {
		return errorOfCall(resp, secrets{}.with(known.AccessToken, known.ClientSecret))
	}
	return nil
}

// check requires known to be of this server, and its URI to have the origin of the registration endpoint. The registration's
// access token is sent to the URI, and anyone who has that token can take over the client. So a forged response, or a store
// that others can write to, must not decide where the token is sent.
func (e *RegistrationEndpoint) check(ctx context.Context, known *Registration) error {
	if want := e.client.cfg.Issuer; known.Issuer != "" && known.Issuer != want {
		return fmt.Errorf("client: Registration is of issuer %q, expected %q (Config.Issuer)", clip(known.Issuer), clip(want))
	}
	target, err := e.client.endpoint(ctx, endpointRegistration)
	if err != nil {
		return err
	}
	own, err := fetch.ParseURL(target, e.client.cfg.InsecureAllowHTTP)
	if err != nil {
		return fmt.Errorf("client: registration: %w", err)
	}
	u, err := url.Parse(known.URI)
	if err != nil || known.URI == "" || fetch.Origin(u) != fetch.Origin(own) {
		return fmt.Errorf("%w: registration_client_uri is missing, or is not at the origin of the registration endpoint", ErrBadResponse)
	}
	return nil
}

// send sends one request. token is a bearer token; if it is empty, the request has no Authorization header.
func (e *RegistrationEndpoint) send(ctx context.Context, method, target, token string, body []byte) (*fetch.Response, error) {
	header := http.Header{"Accept": {"application/json"}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return e.client.send(ctx, method, destination{endpointRegistration, target}, header, body)
}

// call sends one request and reads the registration in the response. known is the registration that the request is about;
// nil for a new one. Secrets that the response omits are taken from known, because many servers show them only once.
func (e *RegistrationEndpoint) call(
	ctx context.Context, method, target, token string, body []byte, known *Registration,
) (*Registration, error) {
	resp, err := e.send(ctx, method, target, token, body)
	if err != nil {
		return nil, err
	}
	sent := secrets{}.with(token)
	if known != nil {
		sent = sent.with(known.ClientSecret)
	}
	if resp.Status/100 != 2 {
		return nil, errorOfCall(resp, sent)
	}
	a, flaw := e.client.read(ctx, registrationReply(), resp, sent)
	if a == nil {
		return nil, flaw
	}
	got, err := registrationOf(a)
	if err != nil {
		return nil, err
	}
	if mistyped := a.mistyped(); flaw == nil && mistyped != "" {
		flaw = a.flawed("registration response: " + mistyped + " is not a string")
	}
	if flaw != nil {
		got.repair(resp.Body)
	}
	got.Issuer = e.client.cfg.Issuer
	switch {
	case known == nil:
		return got, flaw
	case got.ClientID != known.ClientID:
		return nil, fmt.Errorf("%w: the registration is of another client", ErrBadResponse)
	}
	got.ClientSecret = cmp.Or(got.ClientSecret, known.ClientSecret)
	got.AccessToken = cmp.Or(got.AccessToken, known.AccessToken)
	got.URI = cmp.Or(got.URI, known.URI)
	return got, flaw
}

// registrationReply describes a response that contains a registration.
func registrationReply() reply {
	return reply{
		name: "registration response", rfc: "RFC 7591 section 3.2.1", statuses: []int{http.StatusOK, http.StatusCreated},
		required: "client_id",
	}
}

// mistyped returns the name of a credential in a registration that is present but cannot be read, or "".
func (a *answer) mistyped() string {
	for _, name := range []string{"client_secret", "registration_access_token", "registration_client_uri"} {
		value, _ := a.Get(name)
		if text, ok := textOf(value); !value.IsAbsent() && !ok && text == "" {
			return name
		}
	}
	return ""
}

// textOf returns a string, or the digits of a number, which some servers send for an id.
func textOf(value compact.Value) (text string, ok bool) {
	if value.Kind() == compact.KindNumber {
		return value.Raw(), true
	}
	return value.Text()
}

// repair adds the other members of a body that is not valid JSON: g has only the credentials. Without the other members, a
// later Update would delete them at the server. If a name occurs twice in an object, the last one counts. Invalid text is
// replaced.
func (g *Registration) repair(body []byte) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(bytes.TrimPrefix(body, []byte("\uFEFF")), []byte("\uFFFD"))))
	decoder.UseNumber()
	var members map[string]any
	if decoder.Decode(&members) != nil {
		return // the credentials were read with the same decoder, so there are none
	}
	fields := fieldsOf(&g.Metadata)
	for name, decoded := range members {
		text, _ := json.Marshal(map[string]any{name: decoded}) // it can be encoded, because it was decoded
		object, err := compact.ParseObject(string(text), len(text))
		value, _ := object.Get(name)
		switch {
		case name == "client_id_issued_at":
			g.IssuedAt = dateOf(value)
		case name == "client_secret_expires_at":
			g.SecretExpiresAt = dateOf(value)
		case err == nil:
			g.Metadata.set(fields, name, value)
		case !isIdentity(name): // names in an inner object that differ only in case
			g.Metadata.addExtra(name, decoded)
		}
	}
}

// registrationOf reads a registration. Only client_id is required.
func registrationOf(a *answer) (*Registration, error) {
	issued, _ := a.Get("client_id_issued_at")
	expires, _ := a.Get("client_secret_expires_at")
	g := &Registration{IssuedAt: dateOf(issued), SecretExpiresAt: dateOf(expires), Metadata: decodeMetadata(a.Object)}
	for name, field := range map[string]*string{
		"client_id": &g.ClientID, "client_secret": &g.ClientSecret,
		"registration_access_token": &g.AccessToken, "registration_client_uri": &g.URI,
	} {
		value, _ := a.Get(name)
		*field, _ = textOf(value)
	}
	if g.ClientID == "" {
		return nil, a.flawed("registration response: client_id is missing, or is not a string")
	}
	return g, nil
}

// dateOf reads a number of seconds since 1970, which some servers send as a string. It returns the zero time for 0, and for
// what is not such a number.
func dateOf(value compact.Value) time.Time {
	seconds, ok := secondsOf(value)
	if !ok || seconds <= 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
