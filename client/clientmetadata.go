package client

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// ClientMetadata describes a client to an authorization server (RFC 7591, Section 2). A field that is zero is not sent, so
// that the server chooses its value.
type ClientMetadata struct { //nolint:revive // it stutters, because Metadata would be that of the server
	RedirectURIs            []string        `json:"redirect_uris,omitzero"`
	TokenEndpointAuthMethod AuthMethod      `json:"token_endpoint_auth_method,omitzero"`
	GrantTypes              []string        `json:"grant_types,omitzero"`
	ResponseTypes           []string        `json:"response_types,omitzero"`
	ClientName              string          `json:"client_name,omitzero"`
	ClientURI               string          `json:"client_uri,omitzero"`
	LogoURI                 string          `json:"logo_uri,omitzero"`
	Scope                   string          `json:"scope,omitzero"` // separated by spaces
	Contacts                []string        `json:"contacts,omitzero"`
	TOSURI                  string          `json:"tos_uri,omitzero"`
	PolicyURI               string          `json:"policy_uri,omitzero"`
	JWKSURI                 string          `json:"jwks_uri,omitzero"`
	JWKS                    json.RawMessage `json:"jwks,omitzero"`
	SoftwareID              string          `json:"software_id,omitzero"`
	SoftwareVersion         string          `json:"software_version,omitzero"`
	SoftwareStatement       string          `json:"software_statement,omitzero"`
	ApplicationType         string          `json:"application_type,omitzero"`          // OpenID Connect Registration, Section 2
	PostLogoutRedirectURIs  []string        `json:"post_logout_redirect_uris,omitzero"` // RP-Initiated Logout, Section 3.1
	BackchannelLogoutURI    string          `json:"backchannel_logout_uri,omitzero"`    // Back-Channel Logout, Section 2.2
	DPoPBoundAccessTokens   bool            `json:"dpop_bound_access_tokens,omitzero"`  // RFC 9449, Section 5.2

	// Extra has all other members. In metadata that a server returned, it also has those whose JSON type is not the one of
	// their field, so that [RegistrationEndpoint.Update] sends them back unchanged. Numbers are of type json.Number. A field
	// that is not zero replaces the member of the same name. Encoding a ClientMetadata with encoding/json omits Extra.
	Extra map[string]any `json:"-"`
}

// encode returns the JSON object to send: Extra, replaced by the fields that are not zero, replaced by identity.
func (m ClientMetadata) encode(identity map[string]any) ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("client: ClientMetadata: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("client: ClientMetadata: %w", err)
	}
	all := make(map[string]any)
	maps.Copy(all, m.Extra)
	for name, value := range fields {
		all[name] = value
	}
	maps.Copy(all, identity)
	body, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("client: ClientMetadata.Extra: %w", err)
	}
	return body, nil
}

// decodeMetadata reads the metadata in a registration. It decodes each member on its own: one that is not of the expected
// type must not hide the others, because an update without them would delete them from the registration (RFC 7592, Section
// 2.2). A member that no field holds goes into Extra.
func decodeMetadata(o compact.Object) ClientMetadata {
	var m ClientMetadata
	fields := fieldsOf(&m)
	for name, value := range o.All() {
		m.set(fields, name, value)
	}
	return m
}

// set stores the member name of a registration: in one of fields, which are those of m, or in Extra. It drops null, which
// means the same as no member (RFC 7592, Section 2.2), and what is not metadata.
func (m *ClientMetadata) set(fields map[string]any, name string, value compact.Value) {
	if isIdentity(name) || value.Kind() == compact.KindNull || fields[name] != nil && assign(fields[name], value) {
		return
	}
	m.addExtra(name, exactly(value))
}

// addExtra sets a member of m.Extra, which may be nil.
func (m *ClientMetadata) addExtra(name string, value any) {
	if m.Extra == nil {
		m.Extra = make(map[string]any)
	}
	m.Extra[name] = value
}

// isIdentity reports whether a member of a registration is not metadata. An update must not send these, except the first
// two (RFC 7592, Section 2.2).
func isIdentity(name string) bool {
	return slices.Contains([]string{
		"client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at",
		"registration_access_token", "registration_client_uri",
	}, name)
}

// fieldsOf returns pointers to the fields of m, by the names of their members.
func fieldsOf(m *ClientMetadata) map[string]any {
	fields := make(map[string]any)
	of := reflect.ValueOf(m).Elem()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Type().Field(i).Tag.Get("json"), ",")
		if name != "-" { // Extra
			fields[name] = of.Field(i).Addr().Interface()
		}
	}
	return fields
}

// assign stores value in a field. It returns false, and the value goes into Extra, if the field cannot hold the value, or
// if the field is zero afterwards, so that encode would omit it. Without the second rule, an explicit false would be lost.
func assign(field any, value compact.Value) (stored bool) {
	switch field := field.(type) {
	case *string:
		*field, _ = value.Text()
		return *field != ""
	case *AuthMethod:
		text, _ := value.Text()
		*field = AuthMethod(text)
		return text != ""
	case *[]string:
		texts, ok := value.Strings()
		if ok {
			*field = append([]string{}, texts...) // an empty list is not absent
		}
		return ok
	case *bool:
		*field, _ = value.Bool()
		return *field
	case *json.RawMessage:
		*field = json.RawMessage(value.Raw())
		return true
	}
	return false
}

// exactly decodes value as encoding/json does, except that numbers keep their digits.
func exactly(value compact.Value) any {
	decoder := json.NewDecoder(strings.NewReader(value.Raw()))
	decoder.UseNumber()
	var decoded any
	_ = decoder.Decode(&decoded) // value was parsed before
	return decoded
}
