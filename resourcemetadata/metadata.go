package resourcemetadata

import (
	"encoding/json"
	"slices"

	"github.com/bearerkit/bearerkit/quirk"
)

// Metadata is the metadata document of a protected resource (RFC 9728 section 2). The comment of each field names the member.
// A member that the document does not contain is empty.
//
// A Metadata that a [Client] returns was validated as [Client.Validate] describes. The scopes, names and algorithms in it are
// not checked further. Do not change a Metadata that is in use.
type Metadata struct {
	// Resource is the identifier of the resource: an https URL without fragment (`resource`). Required.
	Resource string

	// AuthorizationServers lists the issuers whose tokens the resource accepts (`authorization_servers`).
	AuthorizationServers []string

	// JWKSURI is the URL of the keys with which the resource signs its responses (`jwks_uri`). They are not the keys of
	// access tokens.
	JWKSURI string

	// ScopesSupported lists scopes that requests to the resource need (`scopes_supported`). The list may be incomplete.
	ScopesSupported []string

	// BearerMethodsSupported says how bearer tokens may be sent: "header", "body" or "query" (`bearer_methods_supported`,
	// RFC 6750 section 2). Nil: the document does not say. Empty but not nil: bearer tokens are not accepted.
	BearerMethodsSupported []string

	// ResourceSigningAlgValuesSupported lists the algorithms of signed responses (`resource_signing_alg_values_supported`).
	ResourceSigningAlgValuesSupported []string

	// ResourceName is the name of the resource for end users (`resource_name`). Extra contains its translations.
	ResourceName string

	// ResourceDocumentation is the URL of a page for developers (`resource_documentation`).
	ResourceDocumentation string

	// ResourcePolicyURI is the URL of a page about the use of the data (`resource_policy_uri`).
	ResourcePolicyURI string

	// ResourceTOSURI is the URL of the terms of service (`resource_tos_uri`).
	ResourceTOSURI string

	// TLSClientCertificateBoundAccessTokens says that the resource accepts tokens that are bound to a certificate (RFC 8705,
	// `tls_client_certificate_bound_access_tokens`).
	TLSClientCertificateBoundAccessTokens bool

	// AuthorizationDetailsTypesSupported lists the types of authorization details that the resource understands (RFC 9396,
	// `authorization_details_types_supported`).
	AuthorizationDetailsTypesSupported []string

	// DPoPSigningAlgValuesSupported lists the algorithms of DPoP proofs that the resource accepts (RFC 9449,
	// `dpop_signing_alg_values_supported`).
	DPoPSigningAlgValuesSupported []string

	// DPoPBoundAccessTokensRequired says that the resource accepts only tokens that are bound to a key and sent with a DPoP proof
	// (`dpop_bound_access_tokens_required`).
	DPoPBoundAccessTokensRequired bool

	// SignedMetadata is a JWT with members of this document (`signed_metadata`, RFC 9728 section 2.2). See
	// [Metadata.SignedBy] for whether it was verified.
	SignedMetadata string

	// Extra contains all other members, by their names: translations such as "resource_name#de", and extensions. The values
	// have the types of [json.Unmarshal]. It must not contain the names of members that have a field.
	Extra map[string]any

	quirks   []quirk.Quirk // see Quirks
	signedBy string        // see SignedBy
}

// fields returns a pointer to each field, by the name of its member. The types are *string, *[]string and *bool.
func (m *Metadata) fields() map[string]any {
	return map[string]any{
		"resource":                                   &m.Resource,
		"authorization_servers":                      &m.AuthorizationServers,
		"jwks_uri":                                   &m.JWKSURI,
		"scopes_supported":                           &m.ScopesSupported,
		"bearer_methods_supported":                   &m.BearerMethodsSupported,
		"resource_signing_alg_values_supported":      &m.ResourceSigningAlgValuesSupported,
		"resource_name":                              &m.ResourceName,
		"resource_documentation":                     &m.ResourceDocumentation,
		"resource_policy_uri":                        &m.ResourcePolicyURI,
		"resource_tos_uri":                           &m.ResourceTOSURI,
		"tls_client_certificate_bound_access_tokens": &m.TLSClientCertificateBoundAccessTokens,
		"authorization_details_types_supported":      &m.AuthorizationDetailsTypesSupported,
		"dpop_signing_alg_values_supported":          &m.DPoPSigningAlgValuesSupported,
		"dpop_bound_access_tokens_required":          &m.DPoPBoundAccessTokensRequired,
		"signed_metadata":                            &m.SignedMetadata,
	}
}

// MarshalJSON implements [json.Marshaler]. It writes the members in the order of their names, so that equal documents have
// equal bytes. It omits members that are empty (RFC 9728 section 3.2), including those of Extra, and fields that are false, which
// is their default. So it also omits a BearerMethodsSupported that is empty but not nil.
func (m Metadata) MarshalJSON() ([]byte, error) {
	members := make(map[string]any)
	for name, value := range m.Extra {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if !slices.Contains([]string{"null", `""`, "[]"}, string(text)) {
			members[name] = json.RawMessage(text)
		}
	}
	for name, field := range m.fields() {
		delete(members, name)
		switch field := field.(type) {
		case *string:
			if *field != "" {
				members[name] = *field
			}
		case *[]string:
			if len(*field) > 0 {
				members[name] = *field
			}
		case *bool:
			if *field {
				members[name] = true
			}
		}
	}
	return json.Marshal(members)
}

// Quirks returns the harmless deviations of the document from the specification, sorted. They concern members and values that
// are treated as absent, the Content-Type, and a byte order mark. The list is nil if there are none, and for a Metadata that was
// created by hand. The caller may change it.
func (m *Metadata) Quirks() []quirk.Quirk { return quirk.Join(m.quirks) }

// SignedBy returns the issuer of SignedMetadata, if [Client.SignedMetadataKeys] returned a key that verified it. The members
// in SignedMetadata then have the signed values. SignedBy returns "" if the document is not signed, and if the signature was not
// verified. Then everyone who can change the document can change all members.
func (m *Metadata) SignedBy() string { return m.signedBy }

// note adds a quirk about the place in the document.
func (m *Metadata) note(name quirk.Name, place, rfc string) {
	m.quirks = append(m.quirks, quirk.Quirk{Name: name, Place: place, RFC: rfc})
}
