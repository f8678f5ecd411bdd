package oidcdiscovery_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// crossauthFields are the members of crossauth's OpenIdConfiguration.
var crossauthFields = strings.Fields(`
	issuer authorization_endpoint token_endpoint jwks_uri
	response_types_supported response_modes_supported grant_types_supported subject_types_supported
	id_token_signing_alg_values_supported claim_types_supported
	claims_parameter_supported request_parameter_supported request_uri_parameter_supported require_request_uri_registration
	userinfo_endpoint registration_endpoint check_session_iframe end_session_endpoint
	service_documentation op_policy_uri op_tos_uri
	scopes_supported acr_values_supported claims_supported claims_locales_supported ui_locales_supported display_values_supported
	id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported
	userinfo_signing_alg_values_supported userinfo_encryption_alg_values_supported userinfo_encryption_enc_values_supported
	request_object_signing_alg_values_supported request_object_encryption_alg_values_supported
	request_object_encryption_enc_values_supported
	token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported`)

// extensionFields are the members that RFC 8414 and the extensions add.
var extensionFields = strings.Fields(`
	revocation_endpoint revocation_endpoint_auth_methods_supported revocation_endpoint_auth_signing_alg_values_supported
	introspection_endpoint introspection_endpoint_auth_methods_supported
	introspection_endpoint_auth_signing_alg_values_supported code_challenge_methods_supported signed_metadata
	device_authorization_endpoint pushed_authorization_request_endpoint require_pushed_authorization_requests
	require_signed_request_object authorization_response_iss_parameter_supported
	mtls_endpoint_aliases tls_client_certificate_bound_access_tokens dpop_signing_alg_values_supported
	frontchannel_logout_supported frontchannel_logout_session_supported
	backchannel_logout_supported backchannel_logout_session_supported
	authorization_signing_alg_values_supported authorization_encryption_alg_values_supported
	authorization_encryption_enc_values_supported authorization_details_types_supported prompt_values_supported
	introspection_signing_alg_values_supported introspection_encryption_alg_values_supported
	introspection_encryption_enc_values_supported
	backchannel_authentication_endpoint backchannel_token_delivery_modes_supported
	backchannel_authentication_request_signing_alg_values_supported backchannel_user_code_parameter_supported
	protected_resources`)

// fields returns the exported fields of Metadata by JSON name.
func fields() map[string]reflect.StructField {
	byName := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[oidcdiscovery.Metadata]()) {
		if f.IsExported() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			byName[name] = f
		}
	}
	return byName
}

// goName returns the Go name of a member.
func goName(member string) string {
	capitals := map[string]string{
		"acr": "ACR", "dpop": "DPoP", "id": "ID", "jwks": "JWKS", "mtls": "MTLS", "op": "OP", "tls": "TLS", "tos": "TOS",
		"ui": "UI", "uri": "URI",
	}
	var name strings.Builder
	for word := range strings.SplitSeq(member, "_") {
		if c, ok := capitals[word]; ok {
			name.WriteString(c)
			continue
		}
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func TestMetadataHasEveryField(t *testing.T) {
	t.Parallel()
	if len(crossauthFields) != 37 {
		t.Errorf("the list has %d names", len(crossauthFields))
	}
	have := fields()
	for _, member := range append(crossauthFields, extensionFields...) {
		f, ok := have[member]
		if !ok || f.Name != goName(member) {
			t.Errorf("%s: field is %q, want %q", member, f.Name, goName(member))
		}
		delete(have, member)
	}
	for member := range have {
		t.Errorf("%s is in no list", member)
	}
}

// sample returns a JSON value for a field of type t that differs from the value of Default.
func sample(t *testing.T, typ reflect.Type, member string) string {
	t.Helper()
	switch typ {
	case reflect.TypeFor[string]():
		return `"https://a.example/` + member + `"`
	case reflect.TypeFor[[]string]():
		return `["` + member + `","an unknown value"]`
	case reflect.TypeFor[map[string]string]():
		return `{"token_endpoint":"https://mtls.a.example/token"}`
	case reflect.TypeFor[bool]():
		return map[bool]string{false: "true", true: "false"}[member == "request_uri_parameter_supported"]
	}
	t.Fatalf("%s: no sample for %v", member, typ)
	return ""
}

// Each member of a document fills its own field and no other. Metadata created by hand has the same JSON form.
func TestMetadataFieldByField(t *testing.T) {
	t.Parallel()
	for member, f := range fields() {
		if member == "issuer" {
			continue
		}
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			text := sample(t, f.Type, member)
			var c oidcdiscovery.Client
			got, err := c.Parse(plain, []byte(`{"issuer":"`+plain+`","`+member+`":`+text+`}`))
			if err != nil {
				t.Fatal(err)
			}
			want := oidcdiscovery.Default()
			want.Issuer = plain
			if err := json.Unmarshal([]byte(text), reflect.ValueOf(&want).Elem().FieldByIndex(f.Index).Addr().Interface()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(want)); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
			var claims map[string]json.RawMessage
			if err := want.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text, string(claims[member])); diff != "" {
				t.Errorf("hand-made (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaultIsCrossauths(t *testing.T) {
	t.Parallel()
	const crossauth = `{"authorization_endpoint": "", "claim_types_supported": ["normal"], "claims_parameter_supported": false,
		"grant_types_supported": ["authorization_code", "implicit"], "id_token_signing_alg_values_supported": [],
		"issuer": "", "jwks_uri": "", "request_parameter_supported": false, "request_uri_parameter_supported": true,
		"require_request_uri_registration": false, "response_modes_supported": ["query", "fragment"],
		"response_types_supported": [], "subject_types_supported": [], "token_endpoint": ""}`
	var want oidcdiscovery.Metadata
	if err := json.Unmarshal([]byte(crossauth), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, oidcdiscovery.Default(), cmpopts.IgnoreUnexported(want)); diff != "" {
		t.Errorf("(-crossauth +got):\n%s", diff)
	}
}

// Each document gets its own Default, so no document changes the defaults of the next one.
func TestDefaultIsNotShared(t *testing.T) {
	t.Parallel()
	var c oidcdiscovery.Client
	first, err := c.Parse(plain, []byte(`{"issuer":"https://a.example","response_modes_supported":["form_post"]}`))
	if err != nil {
		t.Fatal(err)
	}
	first.GrantTypesSupported[0] = "changed"
	second, err := c.Parse(plain, []byte(`{"issuer":"https://a.example"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := oidcdiscovery.Default()
	want.Issuer = plain
	if diff := cmp.Diff(&want, second, cmpopts.IgnoreUnexported(want)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"form_post"}, first.ResponseModesSupported); diff != "" {
		t.Error(diff)
	}
}

// documents are accepted or rejected as metadata of https://a.example.
var documents = []struct {
	name, text string
	ok         bool
	names      string // a part of the error
}{
	{name: "smallest", text: `{"issuer":"https://a.example"}`, ok: true},
	{name: "white space", text: " \r\n\t{ \"issuer\" : \"https:\\/\\/a.example\" }\n", ok: true},
	{name: "unknown members", text: `{"issuer":"https://a.example","x":{"y":[1,null,true]}}`, ok: true},
	{name: "no URL in authorization_endpoint", ok: true, text: `{"issuer":"https://a.example",
		"jwks_uri":"https://a.example/keys","authorization_endpoint":"urn:kubernetes:programmatic_authorization",
		"response_types_supported":["id_token"],"subject_types_supported":["public"],
		"claims_supported":["sub","iss"],"id_token_signing_alg_values_supported":["RS256"]}`},
	{name: "depth 16", text: `{"issuer":"https://a.example","x":` + strings.Repeat("[", 15) + strings.Repeat("]", 15) + `}`, ok: true},

	{name: "depth 17", text: `{"issuer":"https://a.example","x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`},
	{name: "empty"},
	{name: "null", text: `null`},
	{name: "array", text: `[{"issuer":"https://a.example"}]`},
	{name: "string", text: `"https://a.example"`},
	{name: "HTML", text: `<!doctype html><title>Sign in</title>`},
	{name: "cut off", text: `{"issuer":"https://a.example"`},
	{name: "data behind", text: `{"issuer":"https://a.example"}{}`},
	{name: "BOM", text: "\ufeff" + `{"issuer":"https://a.example"}`},
	{name: "invalid UTF-8", text: `{"issuer":"https://a.example","x":"` + "\xff" + `"}`},
	{name: "lone surrogate", text: `{"issuer":"https://a.example","x":"\ud800"}`},
	{name: "two issuers", text: `{"issuer":"https://a.example","issuer":"https://a.example"}`},
	{name: "two issuers, cased", text: `{"issuer":"https://a.example","Issuer":"https://b.example"}`},
	{name: "two jwks_uris, escaped", text: `{"issuer":"https://a.example","jwks_uri":"https://a.example/1","jwks\u005furi":"https://a.example/2"}`},
	{name: "issuer in capitals", text: `{"ISSUER":"https://a.example"}`, names: "issuer"},
	{name: "no issuer", text: `{}`, names: "issuer"},
	{name: "issuer null", text: `{"issuer":null}`, names: "issuer"},
	{name: "issuer array", text: `{"issuer":["https://a.example"]}`, names: `member "issuer" is a JSON array`},
	{name: "issuer object", text: `{"issuer":{"https://a.example":1}}`, names: `member "issuer" is a JSON object`},
	{name: "jwks_uri number", text: `{"issuer":"https://a.example","jwks_uri":1}`, names: `member "jwks_uri" is a JSON number`},
	{name: "list as string", text: `{"issuer":"https://a.example","scopes_supported":"openid"}`, names: `member "scopes_supported" is a JSON string, expected []string`},
	{name: "number in a list", text: `{"issuer":"https://a.example","claims_supported":["sub",1]}`, names: `member "claims_supported`},
	{name: "bool as string", text: `{"issuer":"https://a.example","request_parameter_supported":"true"}`, names: `member "request_parameter_supported" is a JSON string, expected bool`},
	{name: "alias as number", text: `{"issuer":"https://a.example","mtls_endpoint_aliases":{"` + strings.Repeat("x", 10_000) + `":1}}`, names: `member "mtls_endpoint_aliases`},
}

func TestD4_Documents(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c oidcdiscovery.Client
			m, err := c.Parse(plain, []byte(tt.text))
			if (err == nil) != tt.ok || (m != nil) != tt.ok {
				t.Fatalf("got %v, %v", m, err)
			}
			if err == nil {
				return
			}
			if !strings.HasPrefix(err.Error(), "oidcdiscovery: ") || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("%q does not name %q", err, tt.names)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const text = `{"issuer":"https://a.example","tenant_region_scope":"EU","Cloud":"one","n":12345678901234567890}`
	var c oidcdiscovery.Client
	m, err := c.Parse(plain, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Region string      `json:"tenant_region_scope"`
		Cloud  string      `json:"cloud"` // not the same name as "Cloud"
		N      json.Number `json:"n"`
	}
	if err := m.Claims(&got); err != nil {
		t.Fatal(err)
	}
	if got.Region != "EU" || got.Cloud != "" || got.N != "12345678901234567890" {
		t.Errorf("got %+v", got)
	}

	var raw map[string]json.RawMessage
	if err := m.Claims(&raw); err != nil || len(raw) != 4 {
		t.Errorf("got %v, %v: the values of Default are not in the document", raw, err)
	}
	for name, into := range map[string]any{"nil": nil, "no pointer": got, "another type": new([]string)} {
		if err := m.Claims(into); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClaimsOfHandMadeMetadata(t *testing.T) {
	t.Parallel()
	m := oidcdiscovery.Metadata{Issuer: plain, JWKSURI: plain + "/keys", ScopesSupported: []string{"openid"}}
	var got map[string]any
	if err := m.Claims(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"issuer": plain, "jwks_uri": plain + "/keys", "scopes_supported": []any{"openid"},
		"request_uri_parameter_supported": false, // absent would mean true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	ambiguous := oidcdiscovery.Metadata{MTLSEndpointAliases: map[string]string{"token_endpoint": "1", "Token_Endpoint": "2"}}
	if err := ambiguous.Claims(&got); err == nil {
		t.Error("two spellings of one name are accepted")
	}
}

// The same rules apply to metadata created by hand and to fetched metadata.
func TestD2_D3_Validate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		client   oidcdiscovery.Client
		issuer   string
		metadata oidcdiscovery.Metadata
		ok       bool
		mismatch bool
	}{
		{name: "good", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: plain + "/keys"}, ok: true},
		{name: "keys elsewhere", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "https://b.example"}, ok: true},
		{name: "keys on loopback", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "http://127.0.0.1:1/"}, ok: true},
		{name: "no keys", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain}, ok: true},
		{name: "another issuer", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: tenant}, mismatch: true},
		{name: "slash", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain + "/"}, mismatch: true},
		{name: "empty", issuer: plain, mismatch: true},
		{name: "no issuer wanted"},
		{name: "http issuer", issuer: "http://a.example", metadata: oidcdiscovery.Metadata{Issuer: "http://a.example"}},
		{
			name: "http issuer allowed", client: oidcdiscovery.Client{InsecureAllowHTTP: true}, issuer: "http://a.example",
			metadata: oidcdiscovery.Metadata{Issuer: "http://a.example", JWKSURI: "http://a.example/keys"}, ok: true,
		},
		{name: "query", issuer: plain + "?x", metadata: oidcdiscovery.Metadata{Issuer: plain + "?x"}},
		{name: "http keys", issuer: plain, metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "http://a.example/keys"}},
		{
			name: "keys must be at home", client: oidcdiscovery.Client{SameOriginKeys: true}, issuer: plain,
			metadata: oidcdiscovery.Metadata{Issuer: plain, JWKSURI: "https://b.example/keys"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.client.Validate(tt.issuer, &tt.metadata)
			if (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
			var mismatch *oidcdiscovery.IssuerMismatchError
			if errors.As(err, &mismatch) != tt.mismatch {
				t.Errorf("got %v", err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "oidcdiscovery: ") {
				t.Errorf("got %q", err)
			}
		})
	}
}

func FuzzMetadata(f *testing.F) {
	for _, tt := range documents {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := oidcdiscovery.Client{SameOriginKeys: true}
		m, err := c.Parse(plain, text)
		if (m == nil) == (err == nil) {
			t.Fatalf("got %v, %v", m, err)
		}
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		if m.Issuer != plain {
			t.Errorf("accepted issuer %q", m.Issuer)
		}
		if m.JWKSURI != "" && !strings.HasPrefix(strings.ToLower(m.JWKSURI), plain) {
			t.Errorf("accepted jwks_uri %q", m.JWKSURI)
		}
		// encoding/json reads the document in the same way.
		var claims, second map[string]any
		if err := m.Claims(&claims); err != nil {
			t.Errorf("Claims: %v", err)
		}
		if err := json.Unmarshal(text, &second); err != nil || !cmp.Equal(claims, second) {
			t.Errorf("Claims has %v, the document %v (%v)", claims, second, err)
		}
	})
}
