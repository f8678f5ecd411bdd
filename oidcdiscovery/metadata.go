package oidcdiscovery

import (
	"encoding/json"
	"fmt"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/quirk"
)

// Metadata is the metadata document of an authorization server. The JSON name of a field is the name of the member in
// the document, and the comment of each group names the specification. A member that the document does not contain has
// the value of [Default], or is empty. The same applies to a member that cannot be used, see [Metadata.Check]. Values that
// this package does not define, such as a new grant type, are kept.
//
// The values are not verified, except as [Client.Validate] describes. Check a URL before you use it.
//
// You can also create a Metadata by hand, see [Client.Validate]. Do not change a Metadata that is in use.
type Metadata struct {
	// RFC 8414 §2 and OpenID Connect Discovery 1.0 §3.
	Issuer                                     string   `json:"issuer,omitzero"`
	AuthorizationEndpoint                      string   `json:"authorization_endpoint,omitzero"`
	TokenEndpoint                              string   `json:"token_endpoint,omitzero"`
	JWKSURI                                    string   `json:"jwks_uri,omitzero"`
	RegistrationEndpoint                       string   `json:"registration_endpoint,omitzero"`
	ScopesSupported                            []string `json:"scopes_supported,omitzero"`
	ResponseTypesSupported                     []string `json:"response_types_supported,omitzero"`
	ResponseModesSupported                     []string `json:"response_modes_supported,omitzero"`
	GrantTypesSupported                        []string `json:"grant_types_supported,omitzero"`
	TokenEndpointAuthMethodsSupported          []string `json:"token_endpoint_auth_methods_supported,omitzero"`
	TokenEndpointAuthSigningAlgValuesSupported []string `json:"token_endpoint_auth_signing_alg_values_supported,omitzero"`
	ServiceDocumentation                       string   `json:"service_documentation,omitzero"`
	UILocalesSupported                         []string `json:"ui_locales_supported,omitzero"`
	OPPolicyURI                                string   `json:"op_policy_uri,omitzero"`
	OPTOSURI                                   string   `json:"op_tos_uri,omitzero"`

	// RFC 8414 §2. The claims in SignedMetadata are ignored, which §2.1 permits.
	RevocationEndpoint                                 string   `json:"revocation_endpoint,omitzero"`
	RevocationEndpointAuthMethodsSupported             []string `json:"revocation_endpoint_auth_methods_supported,omitzero"`
	RevocationEndpointAuthSigningAlgValuesSupported    []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitzero"`
	IntrospectionEndpoint                              string   `json:"introspection_endpoint,omitzero"`
	IntrospectionEndpointAuthMethodsSupported          []string `json:"introspection_endpoint_auth_methods_supported,omitzero"`
	IntrospectionEndpointAuthSigningAlgValuesSupported []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitzero"`
	CodeChallengeMethodsSupported                      []string `json:"code_challenge_methods_supported,omitzero"`
	SignedMetadata                                     string   `json:"signed_metadata,omitzero"`

	// OpenID Connect Discovery 1.0 §3. RequestURIParameterSupported is true if the document does not contain it. Therefore
	// false is not omitted when a Metadata is written as JSON.
	UserinfoEndpoint                          string   `json:"userinfo_endpoint,omitzero"`
	ACRValuesSupported                        []string `json:"acr_values_supported,omitzero"`
	SubjectTypesSupported                     []string `json:"subject_types_supported,omitzero"`
	IDTokenSigningAlgValuesSupported          []string `json:"id_token_signing_alg_values_supported,omitzero"`
	IDTokenEncryptionAlgValuesSupported       []string `json:"id_token_encryption_alg_values_supported,omitzero"`
	IDTokenEncryptionEncValuesSupported       []string `json:"id_token_encryption_enc_values_supported,omitzero"`
	UserinfoSigningAlgValuesSupported         []string `json:"userinfo_signing_alg_values_supported,omitzero"`
	UserinfoEncryptionAlgValuesSupported      []string `json:"userinfo_encryption_alg_values_supported,omitzero"`
	UserinfoEncryptionEncValuesSupported      []string `json:"userinfo_encryption_enc_values_supported,omitzero"`
	RequestObjectSigningAlgValuesSupported    []string `json:"request_object_signing_alg_values_supported,omitzero"`
	RequestObjectEncryptionAlgValuesSupported []string `json:"request_object_encryption_alg_values_supported,omitzero"`
	RequestObjectEncryptionEncValuesSupported []string `json:"request_object_encryption_enc_values_supported,omitzero"`
	DisplayValuesSupported                    []string `json:"display_values_supported,omitzero"`
	ClaimTypesSupported                       []string `json:"claim_types_supported,omitzero"`
	ClaimsSupported                           []string `json:"claims_supported,omitzero"`
	ClaimsLocalesSupported                    []string `json:"claims_locales_supported,omitzero"`
	ClaimsParameterSupported                  bool     `json:"claims_parameter_supported,omitzero"`
	RequestParameterSupported                 bool     `json:"request_parameter_supported,omitzero"`
	RequestURIParameterSupported              bool     `json:"request_uri_parameter_supported"`
	RequireRequestURIRegistration             bool     `json:"require_request_uri_registration,omitzero"`

	// OpenID Connect Session Management, RP-Initiated, Front-Channel and Back-Channel Logout 1.0.
	CheckSessionIframe                 string `json:"check_session_iframe,omitzero"`
	EndSessionEndpoint                 string `json:"end_session_endpoint,omitzero"`
	FrontchannelLogoutSupported        bool   `json:"frontchannel_logout_supported,omitzero"`
	FrontchannelLogoutSessionSupported bool   `json:"frontchannel_logout_session_supported,omitzero"`
	BackchannelLogoutSupported         bool   `json:"backchannel_logout_supported,omitzero"`
	BackchannelLogoutSessionSupported  bool   `json:"backchannel_logout_session_supported,omitzero"`

	// Device grant (RFC 8628 §4), pushed requests (RFC 9126 §5), signed requests (RFC 9101 §10.5), rich requests
	// (RFC 9396 §10), Initiating User Registration via OpenID Connect 1.0.
	DeviceAuthorizationEndpoint        string   `json:"device_authorization_endpoint,omitzero"`
	PushedAuthorizationRequestEndpoint string   `json:"pushed_authorization_request_endpoint,omitzero"`
	RequirePushedAuthorizationRequests bool     `json:"require_pushed_authorization_requests,omitzero"`
	RequireSignedRequestObject         bool     `json:"require_signed_request_object,omitzero"`
	AuthorizationDetailsTypesSupported []string `json:"authorization_details_types_supported,omitzero"`
	PromptValuesSupported              []string `json:"prompt_values_supported,omitzero"`

	// Sender constraint: mutual TLS (RFC 8705 §3.3, §5) and DPoP (RFC 9449 §5.1). MTLSEndpointAliases maps the name of an
	// endpoint member to the URL to use with a client certificate.
	TLSClientCertificateBoundAccessTokens bool              `json:"tls_client_certificate_bound_access_tokens,omitzero"`
	MTLSEndpointAliases                   map[string]string `json:"mtls_endpoint_aliases,omitzero"`
	DPoPSigningAlgValuesSupported         []string          `json:"dpop_signing_alg_values_supported,omitzero"`

	// Authorization responses: RFC 9207 §3, and JWT-secured responses (JARM).
	AuthorizationResponseIssParameterSupported bool     `json:"authorization_response_iss_parameter_supported,omitzero"`
	AuthorizationSigningAlgValuesSupported     []string `json:"authorization_signing_alg_values_supported,omitzero"`
	AuthorizationEncryptionAlgValuesSupported  []string `json:"authorization_encryption_alg_values_supported,omitzero"`
	AuthorizationEncryptionEncValuesSupported  []string `json:"authorization_encryption_enc_values_supported,omitzero"`

	// JWT responses of the introspection endpoint (RFC 9701 §7).
	IntrospectionSigningAlgValuesSupported    []string `json:"introspection_signing_alg_values_supported,omitzero"`
	IntrospectionEncryptionAlgValuesSupported []string `json:"introspection_encryption_alg_values_supported,omitzero"`
	IntrospectionEncryptionEncValuesSupported []string `json:"introspection_encryption_enc_values_supported,omitzero"`

	// Backchannel authentication (OpenID Connect CIBA 1.0 §4).
	BackchannelAuthenticationEndpoint                         string   `json:"backchannel_authentication_endpoint,omitzero"`
	BackchannelTokenDeliveryModesSupported                    []string `json:"backchannel_token_delivery_modes_supported,omitzero"`
	BackchannelAuthenticationRequestSigningAlgValuesSupported []string `json:"backchannel_authentication_request_signing_alg_values_supported,omitzero"`
	BackchannelUserCodeParameterSupported                     bool     `json:"backchannel_user_code_parameter_supported,omitzero"`

	// Clients whose id is the URL of a document (draft-ietf-oauth-client-id-metadata-document).
	ClientIDMetadataDocumentSupported bool `json:"client_id_metadata_document_supported,omitzero"`

	// The resource servers that use this issuer (RFC 9728 §4).
	ProtectedResources []string `json:"protected_resources,omitzero"`

	// The fields below are empty if the Metadata was created by hand.

	document compact.Object   // the parsed document, without the members whose JSON text has a fault
	quirks   []quirk.Quirk    // see Quirks
	faults   map[string]error // why a member that has a field is treated as absent, by its name

	incomplete error // see Incomplete
}

// Default returns the values of members that a document does not contain. Each call returns a new value.
func Default() Metadata {
	return Metadata{
		ResponseTypesSupported:           []string{},
		ResponseModesSupported:           []string{"query", "fragment"},
		GrantTypesSupported:              []string{"authorization_code", "implicit"},
		SubjectTypesSupported:            []string{},
		IDTokenSigningAlgValuesSupported: []string{},
		ClaimTypesSupported:              []string{"normal"},
		RequestURIParameterSupported:     true,
	}
}

// Claims decodes the document into v, which must be a non-nil pointer. Use it for members that Metadata has no field
// for. The rules are those of [json.Unmarshal], except that names are compared byte for byte and that an array replaces
// a slice. If the Metadata was created by hand, Claims decodes its JSON form. Otherwise it decodes the document as
// received, without the values of [Default]. It omits members that occur twice, and members with invalid UTF-8, a lone
// surrogate or more than 16 nested levels, because JSON readers differ in how they read them.
func (m *Metadata) Claims(v any) error {
	document, err := m.object()
	if err != nil {
		return fmt.Errorf("oidcdiscovery: %w", err)
	}
	if err := document.Decode(v); err != nil {
		return fmt.Errorf("oidcdiscovery: %w", err)
	}
	return nil
}

// object returns the document, or the JSON form of a Metadata that was created by hand.
func (m *Metadata) object() (compact.Object, error) {
	if m.document.Len() > 0 {
		return m.document, nil
	}
	text, err := json.Marshal(m)
	if err != nil {
		return compact.Object{}, err
	}
	return compact.ParseObject(string(text), maxDepth)
}
